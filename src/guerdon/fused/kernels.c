/* What `operations` computes, and attention of one new token a sequence, in one pass each.
 *
 * Float32 on the CPU. Rows are tokens; all arrays are dense unless a stride is given. The same
 * numbers come out for every number of threads.
 */

#include <math.h>
#include <stdint.h>
#include <string.h>

enum {
    FEW = 32768, /* numbers, up to which one thread is faster than two */
    PARTS = 16,  /* sums over rows are taken in so many parts, whatever the number of threads */
};

/* exp(x) = 2^n exp(r), r = x - n ln 2; here so that the compiler can make it part of vector loops.
 * Within 2 units in the last place; what overflows is 1.7e38, what underflows 1.6e-38. */
static inline float exponential(float x) {
    x = x < -87.0f ? -87.0f : x > 88.0f ? 88.0f : x;
    float n = rintf(x * 1.44269504f);
    float r = x - n * 0.693145752f - n * 1.42860677e-6f;
    float p = 1.98756915e-4f;
    p = p * r + 1.39819994e-3f;
    p = p * r + 8.33345205e-3f;
    p = p * r + 4.16657962e-2f;
    p = p * r + 1.66666654e-1f;
    p = p * r + 0.5f;
    p = p * r * r + r + 1.0f;
    int32_t bits = ((int32_t)n + 127) << 23;
    float power;
    memcpy(&power, &bits, sizeof power);
    return p * power;
}

/* out = weight x inverse,  inverse = 1 / sqrt(mean(x^2) + eps), one a row; kept if not NULL. */
void rms_norm(int64_t rows, int64_t width, const float *x, const float *weight, float eps,
              float *out, float *inverse, int threads) {
#pragma omp parallel for num_threads(threads) if (rows * width > FEW)
    for (int64_t i = 0; i < rows; i++) {
        const float *from = x + i * width;
        float *to = out + i * width;
        float square = 0;
#pragma omp simd reduction(+ : square)
        for (int64_t d = 0; d < width; d++) square += from[d] * from[d];
        float factor = 1 / sqrtf(square / width + eps);
        if (inverse) inverse[i] = factor;
        for (int64_t d = 0; d < width; d++) to[d] = from[d] * factor * weight[d];
    }
}

/* With n = x inverse:  dx = (g w - n mean(g w n)) inverse,  dw = sum(g n).
 * The parts [PARTS, width] of dw are 0 before, and dw itself afterwards is their sum. */
void rms_norm_backward(int64_t rows, int64_t width, const float *x, const float *weight,
                       const float *inverse, const float *grad, float *d_x, float *d_weight,
                       int threads) {
#pragma omp parallel for num_threads(threads) if (rows * width > FEW)
    for (int part = 0; part < PARTS; part++) {
        float *sum = d_weight + part * width;
        for (int64_t i = rows * part / PARTS; i < rows * (part + 1) / PARTS; i++) {
            const float *row = x + i * width, *g = grad + i * width;
            float *to = d_x + i * width;
            float factor = inverse[i], mean = 0;
#pragma omp simd reduction(+ : mean)
            for (int64_t d = 0; d < width; d++) mean += g[d] * weight[d] * row[d];
            mean *= factor / width;
#pragma omp simd
            for (int64_t d = 0; d < width; d++) {
                float n = row[d] * factor;
                to[d] = (g[d] * weight[d] - n * mean) * factor;
                sum[d] += g[d] * n;
            }
        }
    }
}

/* The first `turned` heads of each token turned by its angles times `sign`, the next `copied` as
 * they are. `sine` is negative in its first half. `out` may be x. */
void rotate(int64_t tokens, int64_t turned, int64_t copied, int64_t dim, const float *x,
            int64_t x_stride, const float *cosine, const float *sine, float sign, float *out,
            int64_t out_stride, int threads) {
    int64_t half = dim / 2;
#pragma omp parallel for num_threads(threads) if (tokens * turned * dim > FEW)
    for (int64_t i = 0; i < tokens; i++) {
        const float *c = cosine + i * dim, *s = sine + i * dim;
        const float *from = x + i * x_stride;
        float *to = out + i * out_stride;
        for (int64_t h = 0; h < turned; h++, from += dim, to += dim) {
#pragma omp simd
            for (int64_t d = 0; d < half; d++) {
                float low = from[d], high = from[d + half];
                to[d] = low * c[d] + high * (sign * s[d]);
                to[d + half] = high * c[d + half] + low * (sign * s[d + half]);
            }
        }
        if (copied) memcpy(to, from, copied * dim * sizeof *to);
    }
}

/* out = gate sigmoid(gate) up, for rows [gate up] of twice the width. */
void swiglu(int64_t rows, int64_t width, const float *gate_up, float *out, int threads) {
#pragma omp parallel for num_threads(threads) if (rows * width > FEW)
    for (int64_t i = 0; i < rows; i++) {
        const float *gate = gate_up + 2 * i * width, *up = gate + width;
        float *to = out + i * width;
        for (int64_t d = 0; d < width; d++) to[d] = gate[d] / (1 + exponential(-gate[d])) * up[d];
    }
}

/* Turns [gate up] into its gradient: with s = sigmoid(gate),
 * d_gate = g up s (1 + gate (1 - s)),  d_up = g gate s. */
void swiglu_backward(int64_t rows, int64_t width, float *gate_up, const float *grad, int threads) {
#pragma omp parallel for num_threads(threads) if (rows * width > FEW)
    for (int64_t i = 0; i < rows; i++) {
        float *gate = gate_up + 2 * i * width, *up = gate + width;
        const float *g = grad + i * width;
#pragma omp simd
        for (int64_t d = 0; d < width; d++) {
            float x = gate[d], s = 1 / (1 + exponential(-x));
            gate[d] = g[d] * up[d] * s * (1 + x * (1 - s));
            up[d] = g[d] * x * s;
        }
    }
}

/* Keys of one sequence in the cache: tokens first..end of a segment whose first head starts at row
 * `start`, and each next one `stride` rows later. A row holds `dim` numbers. */
typedef struct {
    int64_t start, stride, first, end;
} Piece;

/* softmax(scale q K^T) V of one query over two pieces; inlined for each size of a head. */
static inline __attribute__((always_inline)) void
attend_to(const Piece *pieces, int64_t head, const int64_t dim, float scale, const float *query,
          const float *keys, const float *values, float *weights, float *out) {
    int64_t count = 0;
    for (const Piece *piece = pieces; piece < pieces + 2; piece++) {
        const float *key = keys + (piece->start + head * piece->stride) * dim;
        for (int64_t j = piece->first; j < piece->end; j++) {
            float dot = 0;
#pragma omp simd reduction(+ : dot)
            for (int64_t d = 0; d < dim; d++) dot += query[d] * key[j * dim + d];
            weights[count++] = dot * scale;
        }
    }
    float top = weights[0], total = 0, sum[dim];
#pragma omp simd reduction(max : top)
    for (int64_t i = 0; i < count; i++) top = weights[i] > top ? weights[i] : top;
#pragma omp simd reduction(+ : total)
    for (int64_t i = 0; i < count; i++) total += weights[i] = exponential(weights[i] - top);
    for (int64_t d = 0; d < dim; d++) sum[d] = 0;
    for (const Piece *piece = pieces; piece < pieces + 2; piece++) {
        const float *value = values + (piece->start + head * piece->stride) * dim;
        for (int64_t j = piece->first; j < piece->end; j++, weights++)
#pragma omp simd
            for (int64_t d = 0; d < dim; d++) sum[d] += *weights * value[j * dim + d];
    }
    for (int64_t d = 0; d < dim; d++) out[d] = sum[d] / total;
}

/* Store each token's key and value as the last of its own segment, then let its `repeat` queries of
 * each head see its two pieces: its own segment, and the head it shares with others.
 *
 * query [tokens, heads * repeat, dim], key and value [tokens, heads, dim], tokens `stride` numbers
 * apart; keys, values: a layer's cache; pieces [tokens, 2]; weights [threads, longest]: room for
 * the scores of a query. */
void attend(int64_t tokens, int64_t heads, int64_t repeat, int64_t dim, float scale,
            const float *query, const float *key, const float *value, int64_t stride, float *keys,
            float *values, const Piece *pieces, float *weights, int64_t longest, float *out,
            int threads) {
    int64_t products = tokens * heads * repeat * dim * longest;
#pragma omp parallel for num_threads(threads) if (products > 8 * FEW)
    for (int thread = 0; thread < threads; thread++) {
        float *room = weights + thread * longest;
        int64_t end = tokens * (thread + 1) / threads;
        for (int64_t i = tokens * thread / threads; i < end; i++) {
            const Piece *own = pieces + 2 * i;
            for (int64_t h = 0; h < heads; h++) {
                int64_t place = (own->start + h * own->stride + own->end - 1) * dim;
                memcpy(keys + place, key + i * stride + h * dim, dim * sizeof *keys);
                memcpy(values + place, value + i * stride + h * dim, dim * sizeof *values);
                for (int64_t r = 0; r < repeat; r++) {
                    const float *q = query + i * stride + (h * repeat + r) * dim;
                    float *to = out + ((i * heads + h) * repeat + r) * dim;
#define ATTEND(size) attend_to(own, h, size, scale, q, keys, values, room, to)
                    if (dim == 32) ATTEND(32);
                    else if (dim == 64) ATTEND(64);
                    else if (dim == 128) ATTEND(128);
                    else ATTEND(dim);
                }
            }
        }
    }
}
