/* Matrix products by a BLAS: OpenBLAS, or with -DMKL Intel's, which also has a form
 * packed beforehand. */

#include "../protocol.h"

#ifdef MKL
#include <mkl.h>
#define BLAS(name) name
#else
#include <cblas.h>
/* The library of the Python package scipy-openblas32 has a prefix on its names. */
#ifdef PREFIX
#define JOIN2(a, b) a##b
#define JOIN(a, b) JOIN2(a, b)
#define BLAS(name) JOIN(PREFIX, name)
#else
#define BLAS(name) name
#endif
#endif

static int m, n, k, transposed;
static float *a, *b, *c, *packed, beta;

static void version(char *text, size_t size) {
#ifdef MKL
	char full[200];
	mkl_get_version_string(full, (int)sizeof full - 1);
	full[sizeof full - 1] = 0;
	snprintf(text, size, "%.199s", full);
#else
	snprintf(text, size, "%s, core %s", BLAS(openblas_get_config)(), BLAS(openblas_get_corename)());
#endif
}

static void release(void) {
	free(a);
	free(b);
	free(c);
	a = b = c = NULL;
#ifdef MKL
	mkl_free(packed);
#endif
	packed = NULL;
}

static int setup(const char *line, char *reason) {
	char op[40];
	setting(line, "op", op, sizeof op);
	if (strncmp(op, "gemm", 4) != 0) {
		snprintf(reason, REASON, "a BLAS has matrix products only");
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
	transposed = strcmp(op, "gemm-tn") == 0;
	beta = transposed ? 1.0f : 0.0f;
	a = numbers((size_t)m * k, 1, 1);
	b = numbers((size_t)k * n, 1, 2);
	c = numbers((size_t)m * n, 1, 3);
#ifdef MKL
	mkl_set_num_threads(threads);
	if (strcmp(op, "gemm-packed") == 0) {
		packed = (float *)mkl_malloc(cblas_sgemm_pack_get_size(CblasBMatrix, m, n, k), 64);
		if (!packed) {
			snprintf(reason, REASON, "no memory for the packed matrix");
			return FAILED;
		}
		cblas_sgemm_pack(CblasRowMajor, CblasBMatrix, CblasNoTrans, m, n, k, 1, b, n, packed);
	}
#else
	BLAS(openblas_set_num_threads)(threads);
#endif
	return READY;
}

static int call(char *reason) {
	(void)reason;
#ifdef MKL
	if (packed) {
		cblas_sgemm_compute(CblasRowMajor, CblasNoTrans, CblasPacked, m, n, k, a, k, packed, n, beta, c, n);
		return READY;
	}
#endif
	BLAS(cblas_sgemm)(CblasRowMajor, transposed ? CblasTrans : CblasNoTrans, CblasNoTrans, m, n, k, 1, a,
		transposed ? m : k, b, n, beta, c, n);
	return READY;
}

int main(void) {
	struct driver d = {version, setup, call, release};
	return protocol(&d);
}
