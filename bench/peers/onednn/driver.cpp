// oneDNN, version 3, or 2 for those who have nothing newer: recurrent layers and
// matrix products. Weights are in the layout that the library chooses (format
// any). Bringing them there and gradients back is outside of what is timed, or,
// with variant=inside, part of each training pass, as in a loop whose optimizer
// works on plain matrices.

#include "../protocol.h"

#include <cmath>
#include <functional>
#include <stdexcept>
#include <string>
#include <unordered_map>
#include <vector>

#include <oneapi/dnnl/dnnl.hpp>

#if DNNL_CPU_RUNTIME == DNNL_RUNTIME_SYCL
#error this oneDNN is a build for SYCL; one for OpenMP is needed
#endif

using namespace dnnl;
using tag = memory::format_tag;
using args = std::unordered_map<int, memory>;

namespace {

engine cpu(engine::kind::cpu, 0);
stream *queue;

// What a call does, one after the other.
using work = std::vector<std::function<void()>>;
work calls;
size_t next_call; // calls[0] and calls[1] take turns where a state goes back and forth

// Version 3 has no descriptors of operations.
#if DNNL_VERSION_MAJOR >= 3
template <class P, class... D>
typename P::primitive_desc describe(const D &...d) {
	return typename P::primitive_desc(cpu, d...);
}
template <class P, class H, class... D>
typename P::primitive_desc describe_backward(const H &hint, const D &...d) {
	return typename P::primitive_desc(cpu, d..., hint);
}
#else
template <class P, class... D>
typename P::primitive_desc describe(const D &...d) {
	return typename P::primitive_desc(typename P::desc(d...), cpu);
}
template <class P, class H, class... D>
typename P::primitive_desc describe_backward(const H &hint, const D &...d) {
	return typename P::primitive_desc(typename P::desc(d...), cpu, hint);
}
#endif

memory::desc plain(const memory::dims &dims, tag t) { return {dims, memory::data_type::f32, t}; }
memory::desc any(const memory::dims &dims) { return plain(dims, tag::any); }

memory make(const memory::desc &d, float scale, uint64_t seed) {
	memory m(d, cpu);
	size_t n = d.get_size() / sizeof(float);
	float *values = numbers(n, scale, seed);
	memcpy(m.get_data_handle(), values, n * sizeof(float));
	free(values);
	return m;
}

// add_reorder appends the copy of one layout to another, if they differ, to list.
void add_reorder(work &list, const memory &from, const memory &to) {
	if (from.get_desc() == to.get_desc()) return;
	reorder r(from, to);
	list.push_back([=] { r.execute(*queue, {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}}); });
}

void run(const work &list) {
	for (const auto &f : list) f();
}

// A layer is a recurrent layer of one of the three cells. Forward and Backward are
// the library's primitives; C is whether the cell has a second state, and A
// what comes before the direction in its description.
template <class Forward, class Backward, bool C, class... A>
struct layer {
	memory::dim T, B, I, H, gates, biases;

	memory::desc x() const { return plain({T, B, I}, tag::tnc); }
	memory::desc y() const { return plain({T, B, H}, tag::tnc); }
	memory::desc state() const { return plain({1, 1, B, H}, tag::ldnc); }
	memory::desc bias() const { return plain({1, 1, biases, H}, tag::ldgo); }
	memory::dims wx() const { return {1, 1, I, gates, H}; }
	memory::dims wh() const { return {1, 1, H, gates, H}; }

	typename Forward::primitive_desc forward(prop_kind kind, A... a) const {
		auto s = state();
		if constexpr (C)
			return describe<Forward>(kind, a..., rnn_direction::unidirectional_left2right, x(), s, s, any(wx()), any(wh()), bias(), y(), s, s);
		else
			return describe<Forward>(kind, a..., rnn_direction::unidirectional_left2right, x(), s, any(wx()), any(wh()), bias(), y(), s);
	}

	typename Backward::primitive_desc backward(const typename Forward::primitive_desc &hint, A... a) const {
		auto s = state();
		if constexpr (C)
			return describe_backward<Backward>(hint, prop_kind::backward, a..., rnn_direction::unidirectional_left2right,
				x(), s, s, any(wx()), any(wh()), bias(), y(), s, s,
				x(), s, s, any(wx()), any(wh()), bias(), y(), s, s);
		else
			return describe_backward<Backward>(hint, prop_kind::backward, a..., rnn_direction::unidirectional_left2right,
				x(), s, any(wx()), any(wh()), bias(), y(), s,
				x(), s, any(wx()), any(wh()), bias(), y(), s);
	}

	void setup(bool train, bool inside, A... a) const {
		float scale = 1 / std::sqrt((float)H);
		memory user_wx = make(plain(wx(), tag::ldigo), scale, 1), user_wh = make(plain(wh(), tag::ldigo), scale, 2);
		auto pd = forward(train ? prop_kind::forward_training : prop_kind::forward_inference, a...);
		memory fwx(pd.weights_layer_desc(), cpu), fwh(pd.weights_iter_desc(), cpu);
		memory h[2] = {make(state(), 1, 3), make(state(), 1, 4)}, c[2];
		if (C) c[0] = make(state(), 1, 5), c[1] = make(state(), 1, 6);
		args f = {{DNNL_ARG_SRC_LAYER, make(x(), 1, 7)}, {DNNL_ARG_WEIGHTS_LAYER, fwx}, {DNNL_ARG_WEIGHTS_ITER, fwh},
			{DNNL_ARG_BIAS, make(bias(), scale, 8)}, {DNNL_ARG_DST_LAYER, make(y(), 1, 9)}};
		if (train) f[DNNL_ARG_WORKSPACE] = memory(pd.workspace_desc(), cpu);
		work before; // from the plain matrices, to begin with or in every call
		add_reorder(before, user_wx, fwx);
		add_reorder(before, user_wh, fwh);

		work bring, back;
		args g;
		Backward bp;
		if (train) {
			auto bd = backward(pd, a...);
			bp = Backward(bd);
			memory bwx(bd.weights_layer_desc(), cpu), bwh(bd.weights_iter_desc(), cpu);
			memory dwx = make(bd.diff_weights_layer_desc(), 0, 1), dwh = make(bd.diff_weights_iter_desc(), 0, 1);
			add_reorder(bring, user_wx, bwx);
			add_reorder(bring, user_wh, bwh);
			add_reorder(back, dwx, make(plain(wx(), tag::ldigo), 0, 1));
			add_reorder(back, dwh, make(plain(wh(), tag::ldigo), 0, 1));
			g = f;
			g[DNNL_ARG_WEIGHTS_LAYER] = bwx;
			g[DNNL_ARG_WEIGHTS_ITER] = bwh;
			g[DNNL_ARG_DIFF_SRC_LAYER] = make(x(), 0, 1);
			g[DNNL_ARG_DIFF_SRC_ITER] = make(state(), 0, 1);
			g[DNNL_ARG_DIFF_WEIGHTS_LAYER] = dwx;
			g[DNNL_ARG_DIFF_WEIGHTS_ITER] = dwh;
			g[DNNL_ARG_DIFF_BIAS] = make(bias(), 0, 1);
			// Small, since the gradients of weights are added up over all calls.
			g[DNNL_ARG_DIFF_DST_LAYER] = make(y(), 1e-3f, 10);
			g[DNNL_ARG_DIFF_DST_ITER] = make(state(), 0, 1);
			if (C) {
				g[DNNL_ARG_DIFF_SRC_ITER_C] = make(state(), 0, 1);
				g[DNNL_ARG_DIFF_DST_ITER_C] = make(state(), 0, 1);
			}
		}
		if (!inside) {
			run(before);
			run(bring);
			queue->wait();
			before.clear();
			bring.clear();
			back.clear();
		}
		Forward fp(pd);
		for (int i = 0; i < 2; i++) { // the state goes from h[0] to h[1] and back
			auto states = [&](args v) {
				v[DNNL_ARG_SRC_ITER] = h[i];
				v[DNNL_ARG_DST_ITER] = h[1 - i];
				if (C) {
					v[DNNL_ARG_SRC_ITER_C] = c[i];
					v[DNNL_ARG_DST_ITER_C] = c[1 - i];
				}
				return v;
			};
			args forward_args = states(f), backward_args = train ? states(g) : args();
			calls.push_back([=] {
				run(before);
				fp.execute(*queue, forward_args);
				if (train) {
					run(bring);
					bp.execute(*queue, backward_args);
					run(back);
				}
			});
		}
	}
};

int setup_layer(const std::string &cell, const std::string &form, const char *line, char *reason) {
	char variant[20];
	setting(line, "variant", variant, sizeof variant);
	bool train = form == "train", inside = strcmp(variant, "inside") == 0;
	if (inside && !train) {
		snprintf(reason, REASON, "only a training loop brings weights into the layout again and again");
		return UNSUPPORTED;
	}
	memory::dim T = form == "step" ? 1 : number(line, "T"), B = number(line, "B"), I = number(line, "I"), H = number(line, "H");
	if (!T || !B || !I || !H) {
		snprintf(reason, REASON, "want T, B, I and H, numbers above 0, in %.200s", line);
		return FAILED;
	}
	if (cell == "lstm")
		layer<lstm_forward, lstm_backward, true>{T, B, I, H, 4, 4}.setup(train, inside);
	else if (cell == "gru")
		layer<lbr_gru_forward, lbr_gru_backward, false>{T, B, I, H, 3, 4}.setup(train, inside);
	else if (cell == "rnn")
		layer<vanilla_rnn_forward, vanilla_rnn_backward, false, algorithm>{T, B, I, H, 1, 1}.setup(train, inside, algorithm::eltwise_tanh);
	else {
		snprintf(reason, REASON, "no layer %s", cell.c_str());
		return UNSUPPORTED;
	}
	return READY;
}

int setup_gemm(const std::string &op, const char *line, char *reason) {
	char variant[20];
	setting(line, "variant", variant, sizeof variant);
	if (strcmp(variant, "inside") == 0) {
		snprintf(reason, REASON, "the variant is one of training passes");
		return UNSUPPORTED;
	}
	memory::dim M = number(line, "M"), N = number(line, "N"), K = number(line, "K");
	if (!M || !N || !K) {
		snprintf(reason, REASON, "want M, N and K, numbers above 0, in %.200s", line);
		return FAILED;
	}
	if (op == "gemm-packed") {
		auto pd = describe<matmul>(plain({M, K}, tag::ab), any({K, N}), plain({M, N}, tag::ab));
		memory packed(pd.weights_desc(), cpu);
		work before;
		add_reorder(before, make(plain({K, N}, tag::ab), 1, 2), packed);
		run(before);
		queue->wait();
		args v = {{DNNL_ARG_SRC, make(plain({M, K}, tag::ab), 1, 1)}, {DNNL_ARG_WEIGHTS, packed}, {DNNL_ARG_DST, make(plain({M, N}, tag::ab), 1, 3)}};
		matmul p(pd);
		calls.push_back([=] { p.execute(*queue, v); });
		return READY;
	}
	bool tn = op == "gemm-tn";
	memory a = make(plain({M, K}, tag::ab), 1, 1), b = make(plain({K, N}, tag::ab), 1, 2), c = make(plain({M, N}, tag::ab), 1, 3);
	calls.push_back([=] {
		if (sgemm(tn ? 'T' : 'N', 'N', M, N, K, 1, (const float *)a.get_data_handle(), tn ? M : K,
				(const float *)b.get_data_handle(), N, tn ? 1 : 0, (float *)c.get_data_handle(), N) != status::success)
			throw std::runtime_error("sgemm failed");
	});
	return READY;
}

void version_text(char *text, size_t size) {
	const version_t *v = dnnl::version();
	std::string threads = v->cpu_runtime == DNNL_RUNTIME_OMP ? "OpenMP" : v->cpu_runtime == DNNL_RUNTIME_TBB ? "TBB"
		: v->cpu_runtime == DNNL_RUNTIME_SEQ ? "one thread" : "runtime " + std::to_string(v->cpu_runtime);
	snprintf(text, size, "%d.%d.%d, %s", v->major, v->minor, v->patch, threads.c_str());
}

int setup_call(const char *line, char *reason) {
	char name[40];
	setting(line, "op", name, sizeof name);
	std::string op = name;
	size_t dash = op.find('-');
	try {
		next_call = 0;
		if (op.compare(0, 4, "gemm") == 0) return setup_gemm(op, line, reason);
		if (op.compare(0, 3, "lm-") == 0 || dash == std::string::npos) {
			snprintf(reason, REASON, "oneDNN has layers and products, no %s", name);
			return UNSUPPORTED;
		}
		return setup_layer(op.substr(0, dash), op.substr(dash + 1), line, reason);
	} catch (const std::exception &e) {
		snprintf(reason, REASON, "%s", e.what());
		return FAILED;
	}
}

int make_call(char *reason) {
	try {
		calls[next_call]();
		queue->wait();
		next_call = (next_call + 1) % calls.size();
		return READY;
	} catch (const std::exception &e) {
		snprintf(reason, REASON, "%s", e.what());
		return FAILED;
	}
}

void release_all() { calls.clear(); }

} // namespace

int main() {
	stream s(cpu);
	queue = &s;
	struct driver d = {version_text, setup_call, make_call, release_all};
	return protocol(&d);
}
