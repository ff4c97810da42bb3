/* Matrix products by libxsmm 1.17: kernels made at run time for one shape, on a B
 * that has been laid out in panels of 64 columns before. That is how its authors
 * run layers of networks; a product of plain matrices it leaves to a BLAS. */

#include "../protocol.h"

#include <libxsmm.h>
#ifdef _OPENMP
#include <omp.h>
#endif

enum { PANEL = 64 };

static int m, n, k, panels;
static float *a, *b, *c;
static libxsmm_smmfunction whole, last; /* for panels of 64 columns, and for what is left */

static void version(char *text, size_t size) {
	snprintf(text, size, "%s, %s", LIBXSMM_VERSION, libxsmm_get_target_arch());
}

static void release(void) {
	free(a);
	free(b);
	free(c);
	a = b = c = NULL;
}

/* kernel is column-major: it sees a panel of B as a matrix of columns x k, A as one
 * of k x m, and C as columns x m with the distance n between its columns. */
static libxsmm_smmfunction kernel(int columns) {
	const libxsmm_blasint lda = PANEL, ldb = k, ldc = n;
	const float alpha = 1, beta = 0;
	return libxsmm_smmdispatch(columns, m, k, &lda, &ldb, &ldc, &alpha, &beta, NULL, NULL);
}

static int setup(const char *line, char *reason) {
	char op[40];
	setting(line, "op", op, sizeof op);
	if (strcmp(op, "gemm-packed") != 0) {
		snprintf(reason, REASON, "libxsmm has kernels for packed operands only");
		return UNSUPPORTED;
	}
	m = (int)number(line, "M");
	n = (int)number(line, "N");
	k = (int)number(line, "K");
	int threads = (int)number(line, "threads");
	if (!m || !n || !k || !threads) {
		snprintf(reason, REASON, "want M, N, K and threads, numbers above 0, in %.200s", line);
		return FAILED;
	}
#ifdef _OPENMP
	omp_set_num_threads(threads);
#else
	if (threads > 1) {
		snprintf(reason, REASON, "the driver was built without OpenMP");
		return UNSUPPORTED;
	}
#endif
	panels = (n + PANEL - 1) / PANEL;
	a = numbers((size_t)m * k, 1, 1);
	b = numbers((size_t)k * panels * PANEL, 1, 2);
	c = numbers((size_t)m * n, 1, 3);
	whole = kernel(PANEL);
	last = n % PANEL ? kernel(n % PANEL) : whole;
	if (!whole || !last) {
		snprintf(reason, REASON, "libxsmm makes no kernel for %d x %d x %d", m, n, k);
		return UNSUPPORTED;
	}
	return READY;
}

static int call(char *reason) {
	(void)reason;
#ifdef _OPENMP
#pragma omp parallel for schedule(static) if (panels > 1)
#endif
	for (int p = 0; p < panels; p++)
		(p + 1 == panels ? last : whole)(b + (size_t)p * k * PANEL, a, c + p * PANEL);
	return READY;
}

int main(void) {
	libxsmm_init();
	struct driver d = {version, setup, call, release};
	return protocol(&d);
}
