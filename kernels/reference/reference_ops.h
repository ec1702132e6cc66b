// The oracle: every operation of kernels/ops.h as one obvious loop nest in double precision.
//
// Same axes and parameters as there. Results are row-major vectors of double, and nothing is
// checked: tests pass shapes that fit. Slow on purpose.
#pragma once

#include <span>
#include <vector>

#include "kernels/kv_pages.h"
#include "kernels/ops.h"
#include "kernels/tensor.h"

namespace footnote::kernels::reference {

using Values = std::vector<double>;

// The weights as numbers, [rows, columns].
Values Dequantized(const Weight& w);

Values EmbedRows(const Weight& table, std::span<const int32_t> ids, float scale);
Values MatMul(ConstMatrix x, const Weight& w, std::span<const float> bias);
// With x and w rounded to 8 bits by groups, as PlainWeights::kGroups has it; the rounding itself in
// float32, so that the codes are the same.
Values MatMulByGroups(ConstMatrix x, const Weight& w, std::span<const float> bias);
Values RmsNorm(ConstMatrix x, std::span<const float> weight, float weight_bias, float eps);
Values RmsNormHeads(std::span<const float> weight, float eps, ConstHeads x);
Values LayerNorm(ConstMatrix x, std::span<const float> weight, std::span<const float> bias,
                 float eps);
Values Add(ConstMatrix y, ConstMatrix x, float scale = 1);
Values SiluMul(ConstMatrix gate, ConstMatrix up);
Values Gelu(GeluKind kind, ConstMatrix x);
Values GeluMul(GeluKind kind, ConstMatrix gate, ConstMatrix up);
Values Softcap(float cap, ConstMatrix x);
Values Rope(std::span<const int32_t> positions, const RopeParams& params, ConstHeads x);
Values AttentionPaged(ConstHeads q, std::span<const KvSequence> sequences, const KvLayer& layer,
                      const AttentionParams& params);
Values AttentionPacked(ConstHeads q, ConstHeads k, ConstHeads v, std::span<const int64_t> offsets,
                       float scale);
Values AttentionRelative(ConstHeads q, ConstHeads k, ConstHeads v, std::span<const int64_t> offsets,
                         std::span<const int32_t> positions, const RelativeAttentionParams& params);
Values PoolMean(ConstMatrix x, std::span<const int64_t> offsets);
Values PoolFirst(ConstMatrix x, std::span<const int64_t> offsets);
Values L2Normalize(ConstMatrix x);

}  // namespace footnote::kernels::reference
