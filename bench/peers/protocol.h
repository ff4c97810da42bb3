/* The protocol between the comparison program and a driver, for drivers in C and
 * C++. peers/driver/driver.go describes it. A driver fills a struct driver and
 * returns protocol(&d) from main. */

#ifndef PROTOCOL_H
#define PROTOCOL_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* What setup and call return. For the last two, reason says why. */
enum { READY, UNSUPPORTED, FAILED };
enum { REASON = 400 };

struct driver {
	/* version fills text with the version of the library and how it was built. */
	void (*version)(char *text, size_t size);
	/* setup prepares the operation that line describes; see setting and number. */
	int (*setup)(const char *line, char *reason);
	/* call makes one call of it. */
	int (*call)(char *reason);
	/* release gives back what setup took; it may be called twice. */
	void (*release)(void);
};

/* setting copies the value of name=value in line, "" if there is none. */
static void setting(const char *line, const char *name, char *value, size_t size) {
	size_t n = strlen(name);
	value[0] = 0;
	while (*line) {
		line += strspn(line, " ");
		size_t word = strcspn(line, " ");
		if (word > n && strncmp(line, name, n) == 0 && line[n] == '=') {
			size_t len = word - n - 1;
			if (len >= size) len = size - 1;
			memcpy(value, line + n + 1, len);
			value[len] = 0;
			return;
		}
		line += word;
	}
}

/* number returns a setting that is a number above 0, and 0 if it is none. */
static long number(const char *line, const char *name) {
	char value[32], *end;
	setting(line, name, value, sizeof value);
	long v = strtol(value, &end, 10);
	return *value && !*end && v > 0 ? v : 0;
}

/* numbers returns memory for n numbers from [-scale, scale), aligned to cache
 * lines; free gives it back. */
static float *numbers(size_t n, float scale, uint64_t seed) {
	void *memory = NULL;
	if (posix_memalign(&memory, 64, (n ? n : 1) * sizeof(float))) {
		fprintf(stderr, "no memory for %zu numbers\n", n);
		exit(1);
	}
	float *s = (float *)memory;
	for (size_t i = 0; i < n; i++) { /* splitmix64 */
		seed += 0x9E3779B97F4A7C15u;
		uint64_t z = (seed ^ seed >> 30) * 0xBF58476D1CE4E5B9u;
		z = (z ^ z >> 27) * 0x94D049BB133111EBu;
		s[i] = scale * (float)(int32_t)(z >> 32) / 2147483648.0f;
	}
	return s;
}

static double protocol_now(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void protocol_one_line(char *s) {
	for (; *s; s++)
		if (*s == '\n' || *s == '\r') *s = ' ';
}

/* protocol answers commands until they end. */
static int protocol(const struct driver *d) {
	char line[1000], reason[REASON] = "";
	int ready = 0;
	/* What the library prints goes to the standard error. */
	FILE *answers = fdopen(dup(1), "w");
	if (!answers || dup2(2, 1) < 0) return 1;
	while (fgets(line, sizeof line, stdin)) {
		line[strcspn(line, "\r\n")] = 0;
		char *arg = line + strcspn(line, " ");
		if (*arg) *arg++ = 0;
		if (strcmp(line, "quit") == 0) break;
		if (strcmp(line, "hello") == 0) {
			d->version(reason, sizeof reason);
			protocol_one_line(reason);
			fprintf(answers, "ok %s\n", reason);
		} else if (strcmp(line, "setup") == 0) {
			d->release();
			reason[0] = 0;
			int result = d->setup(arg, reason);
			protocol_one_line(reason);
			ready = result == READY;
			if (!ready) d->release();
			if (ready) fprintf(answers, "ok\n");
			else fprintf(answers, "%s %s\n", result == UNSUPPORTED ? "no" : "error", reason);
		} else if (strcmp(line, "run") == 0) {
			long n = strtol(arg, NULL, 10);
			int result = READY;
			if (n < 1) fprintf(answers, "error run %s: want a number of calls of at least 1\n", arg);
			else if (!ready) fprintf(answers, "error run without a setup that succeeded\n");
			else {
				double begin = protocol_now();
				for (long i = 0; i < n && result == READY; i++) result = d->call(reason);
				double took = protocol_now() - begin;
				protocol_one_line(reason);
				if (result == READY) fprintf(answers, "ns %.0f\n", took);
				else fprintf(answers, "error %s\n", reason);
			}
		} else if (strcmp(line, "free") == 0) {
			d->release();
			ready = 0;
			fprintf(answers, "ok\n");
		} else {
			fprintf(answers, "error no command %s\n", line);
		}
		fflush(answers);
	}
	d->release();
	return 0;
}

#endif
