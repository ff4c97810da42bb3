/* A driver without a library, for the tests of protocol.h. */

#include "../../../peers/protocol.h"

static int fails;

static void version(char *text, size_t size) {
	printf("what a library prints\n");
	snprintf(text, size, "fake\n1");
}

static int setup(const char *line, char *reason) {
	char op[20];
	setting(line, "op", op, sizeof op);
	fails = strcmp(op, "fails") == 0;
	if (strcmp(op, "none") == 0) {
		snprintf(reason, REASON, "no none here");
		return UNSUPPORTED;
	}
	if (!number(line, "N")) {
		snprintf(reason, REASON, "want N");
		return FAILED;
	}
	return READY;
}

static int call(char *reason) {
	snprintf(reason, REASON, "two\nlines");
	return fails ? FAILED : READY;
}

static void release(void) {}

int main(void) {
	struct driver d = {version, setup, call, release};
	free(numbers(3, 1, 1));
	return protocol(&d);
}
