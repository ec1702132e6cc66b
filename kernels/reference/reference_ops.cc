#include "kernels/reference/reference_ops.h"

#include <algorithm>
#include <cmath>

#include "kernels/quant/half.h"

namespace footnote::kernels::reference {
namespace {

double KvElement(const KvLayer& layer, const void* data, int64_t index) {
  if (layer.dtype == DType::kF16) return FloatFromHalf(static_cast<const uint16_t*>(data)[index]);
  return static_cast<const float*>(data)[index];
}

// exp of each score relative to the largest, divided by their sum.
void Softmax(Values& scores) {
  const double largest = *std::max_element(scores.begin(), scores.end());
  double sum = 0;
  for (double& score : scores) sum += score = std::exp(score - largest);
  for (double& score : scores) score /= sum;
}

}  // namespace

Values Dequantized(const Weight& w) {
  std::vector<float> values(static_cast<size_t>(w.rows * w.columns));
  const Status status = Dequantize(
      w.dtype, {static_cast<const std::byte*>(w.data), static_cast<size_t>(w.rows * w.row_bytes())},
      values);
  return status.ok() ? Values(values.begin(), values.end()) : Values();
}

Values EmbedRows(const Weight& table, std::span<const int32_t> ids, float scale) {
  const Values values = Dequantized(table);
  Values out;
  for (const int32_t id : ids) {
    for (int64_t k = 0; k < table.columns; ++k) {
      out.push_back(values[static_cast<size_t>(id * table.columns + k)] * scale);
    }
  }
  return out;
}

Values MatMul(ConstMatrix x, const Weight& w, std::span<const float> bias) {
  const Values weights = Dequantized(w);
  Values out;
  for (int64_t t = 0; t < x.shape[0]; ++t) {
    for (int64_t n = 0; n < w.rows; ++n) {
      double sum = bias.empty() ? 0.0 : bias[static_cast<size_t>(n)];
      for (int64_t k = 0; k < w.columns; ++k) {
        sum += static_cast<double>(x.row(t)[k]) * weights[static_cast<size_t>(n * w.columns + k)];
      }
      out.push_back(sum);
    }
  }
  return out;
}

Values MatMulByGroups(ConstMatrix x, const Weight& w, std::span<const float> bias) {
  constexpr int64_t kGroup = 128;
  const int64_t columns = w.columns;
  const Values exact = Dequantized(w);
  const auto factor = [&](int64_t k) {
    return w.column_spread == nullptr ? 1.0f : 1 / std::sqrt(std::fmax(w.column_spread[k], 1e-6f));
  };
  // A group between its ends, whose middle has code 0.
  const auto round = [](const float* from, int64_t count, bool around_zero, double* to) {
    float least = from[0], largest = from[0];
    for (int64_t i = 0; i < count; ++i) {
      least = std::fmin(least, from[i]);
      largest = std::fmax(largest, from[i]);
    }
    if (around_zero) largest = std::fmax(largest, -least), least = -largest;
    const float half = 0.5f * largest - 0.5f * least, middle = 0.5f * largest + 0.5f * least;
    for (int64_t i = 0; i < count; ++i) {
      const float code =
          half < 1e-30f ? 0.0f : std::nearbyint((from[i] - middle) * (127.0f / half));
      to[i] = middle + static_cast<double>(half / 127.0f) * static_cast<double>(code);
    }
  };
  const auto round_row = [&](const std::vector<float>& row, bool around_zero) {
    Values rounded(row.size());
    for (int64_t k = 0; k < columns; k += kGroup) {
      round(row.data() + k, std::min(kGroup, columns - k), around_zero, rounded.data() + k);
    }
    return rounded;
  };
  std::vector<Values> weights;
  for (int64_t n = 0; n < w.rows; ++n) {
    std::vector<float> row;
    for (int64_t k = 0; k < columns; ++k) {
      row.push_back(static_cast<float>(exact[static_cast<size_t>(n * columns + k)]) / factor(k));
    }
    weights.push_back(round_row(row, true));
  }
  Values out;
  for (int64_t t = 0; t < x.shape[0]; ++t) {
    std::vector<float> row;
    for (int64_t k = 0; k < columns; ++k) row.push_back(x.row(t)[k] * factor(k));
    const Values rounded = round_row(row, false);
    for (size_t n = 0; n < weights.size(); ++n) {
      double sum = bias.empty() ? 0.0 : bias[n];
      for (size_t k = 0; k < rounded.size(); ++k) sum += rounded[k] * weights[n][k];
      out.push_back(sum);
    }
  }
  return out;
}

Values RmsNorm(ConstMatrix x, std::span<const float> weight, float weight_bias, float eps) {
  Values out;
  for (int64_t t = 0; t < x.shape[0]; ++t) {
    double squares = 0;
    for (int64_t k = 0; k < x.shape[1]; ++k) {
      squares += static_cast<double>(x.row(t)[k]) * x.row(t)[k];
    }
    const double rms = std::sqrt(squares / static_cast<double>(x.shape[1]) + eps);
    for (int64_t k = 0; k < x.shape[1]; ++k) {
      out.push_back(x.row(t)[k] / rms *
                    (static_cast<double>(weight[static_cast<size_t>(k)]) + weight_bias));
    }
  }
  return out;
}

Values RmsNormHeads(std::span<const float> weight, float eps, ConstHeads x) {
  Values out;
  for (int64_t t = 0; t < x.shape[0]; ++t) {
    for (int64_t h = 0; h < x.shape[1]; ++h) {
      const Values head =
          RmsNorm(ConstMatrix::Of(x.row(t) + h * x.stride[1], 1, x.shape[2]), weight, 0, eps);
      out.insert(out.end(), head.begin(), head.end());
    }
  }
  return out;
}

Values LayerNorm(ConstMatrix x, std::span<const float> weight, std::span<const float> bias,
                 float eps) {
  Values out;
  const auto width = static_cast<double>(x.shape[1]);
  for (int64_t t = 0; t < x.shape[0]; ++t) {
    double mean = 0;
    for (int64_t k = 0; k < x.shape[1]; ++k) mean += x.row(t)[k] / width;
    double variance = 0;
    for (int64_t k = 0; k < x.shape[1]; ++k) {
      variance += (x.row(t)[k] - mean) * (x.row(t)[k] - mean) / width;
    }
    for (int64_t k = 0; k < x.shape[1]; ++k) {
      const auto index = static_cast<size_t>(k);
      out.push_back((x.row(t)[k] - mean) / std::sqrt(variance + eps) * weight[index] +
                    (bias.empty() ? 0.0 : bias[index]));
    }
  }
  return out;
}

Values Add(ConstMatrix y, ConstMatrix x, float scale) {
  Values out;
  for (int64_t t = 0; t < x.shape[0]; ++t) {
    for (int64_t k = 0; k < x.shape[1]; ++k) {
      out.push_back(x.row(t)[k] + static_cast<double>(scale) * y.row(t)[k]);
    }
  }
  return out;
}

Values SiluMul(ConstMatrix gate, ConstMatrix up) {
  Values out;
  for (int64_t t = 0; t < gate.shape[0]; ++t) {
    for (int64_t k = 0; k < gate.shape[1]; ++k) {
      const double v = gate.row(t)[k];
      out.push_back(v / (1 + std::exp(-v)) * up.row(t)[k]);
    }
  }
  return out;
}

Values Gelu(GeluKind kind, ConstMatrix x) {
  Values out;
  for (int64_t t = 0; t < x.shape[0]; ++t) {
    for (int64_t k = 0; k < x.shape[1]; ++k) {
      const double v = x.row(t)[k];
      const double inner = kind == GeluKind::kErf
                               ? std::erf(v / std::sqrt(2.0))
                               : std::tanh(std::sqrt(2 / M_PI) * (v + 0.044715 * v * v * v));
      out.push_back(v / 2 * (1 + inner));
    }
  }
  return out;
}

Values GeluMul(GeluKind kind, ConstMatrix gate, ConstMatrix up) {
  Values out = Gelu(kind, gate);
  for (int64_t t = 0; t < up.shape[0]; ++t) {
    for (int64_t k = 0; k < up.shape[1]; ++k) {
      out[static_cast<size_t>(t * up.shape[1] + k)] *= up.row(t)[k];
    }
  }
  return out;
}

Values Softcap(float cap, ConstMatrix x) {
  Values out;
  for (int64_t t = 0; t < x.shape[0]; ++t) {
    for (int64_t k = 0; k < x.shape[1]; ++k) {
      out.push_back(cap * std::tanh(static_cast<double>(x.row(t)[k]) / cap));
    }
  }
  return out;
}

Values Rope(std::span<const int32_t> positions, const RopeParams& params, ConstHeads x) {
  Values out;
  const auto half = static_cast<int64_t>(params.inverse_frequencies.size());
  for (int64_t t = 0; t < x.shape[0]; ++t) {
    for (int64_t h = 0; h < x.shape[1]; ++h) {
      const float* head = x.row(t) + h * x.stride[1];
      Values rotated(head, head + x.shape[2]);
      for (int64_t i = 0; i < half; ++i) {
        const bool halves = params.pairing == RopePairing::kHalves;
        const auto a = static_cast<size_t>(halves ? i : 2 * i);
        const auto b = static_cast<size_t>(halves ? i + half : 2 * i + 1);
        const double angle =
            positions[static_cast<size_t>(t)] * params.inverse_frequencies[static_cast<size_t>(i)];
        const double cosine = std::cos(angle) * params.attention_factor;
        const double sine = std::sin(angle) * params.attention_factor;
        rotated[a] = head[a] * cosine - head[b] * sine;
        rotated[b] = head[b] * cosine + head[a] * sine;
      }
      out.insert(out.end(), rotated.begin(), rotated.end());
    }
  }
  return out;
}

Values AttentionPaged(ConstHeads q, std::span<const KvSequence> sequences, const KvLayer& layer,
                      const AttentionParams& params) {
  const int64_t heads = q.shape[1], width = q.shape[2];
  Values out(static_cast<size_t>(q.shape[0] * heads * width));
  for (const KvSequence& sequence : sequences) {
    for (int64_t row = 0; row < sequence.rows; ++row) {
      const int64_t position = sequence.first_position + row;
      const int64_t first =
          params.window > 0 ? std::max<int64_t>(0, position - params.window + 1) : 0;
      for (int64_t h = 0; h < heads; ++h) {
        const int64_t kv_head = h / (heads / layer.kv_heads);
        const float* query = q.row(sequence.first_row + row) + h * q.stride[1];
        const auto page = [&](int64_t j) {
          return sequence.pages[static_cast<size_t>(j / kPageTokens)];
        };
        Values scores;
        for (int64_t j = first; j <= position; ++j) {
          double score = 0;
          for (int64_t d = 0; d < width; ++d) {
            score += query[d] * KvElement(layer, layer.keys,
                                          layer.key_offset(page(j), kv_head, j % kPageTokens, d));
          }
          score *= params.scale;
          if (params.softcap > 0) score = params.softcap * std::tanh(score / params.softcap);
          scores.push_back(score);
        }
        Softmax(scores);
        for (int64_t d = 0; d < width; ++d) {
          double sum = 0;
          for (int64_t j = first; j <= position; ++j) {
            sum += scores[static_cast<size_t>(j - first)] *
                   KvElement(layer, layer.values,
                             layer.value_offset(page(j), kv_head, j % kPageTokens, d));
          }
          out[static_cast<size_t>(((sequence.first_row + row) * heads + h) * width + d)] = sum;
        }
      }
    }
  }
  return out;
}

Values AttentionPacked(ConstHeads q, ConstHeads k, ConstHeads v, std::span<const int64_t> offsets,
                       float scale) {
  const int64_t heads = q.shape[1], width = q.shape[2];
  Values out(static_cast<size_t>(q.shape[0] * heads * width));
  for (size_t b = 0; b + 1 < offsets.size(); ++b) {
    for (int64_t i = offsets[b]; i < offsets[b + 1]; ++i) {
      for (int64_t h = 0; h < heads; ++h) {
        Values scores;
        for (int64_t j = offsets[b]; j < offsets[b + 1]; ++j) {
          double score = 0;
          for (int64_t d = 0; d < width; ++d) {
            score +=
                static_cast<double>(q.row(i)[h * q.stride[1] + d]) * k.row(j)[h * k.stride[1] + d];
          }
          scores.push_back(score * scale);
        }
        Softmax(scores);
        for (int64_t d = 0; d < width; ++d) {
          double sum = 0;
          for (int64_t j = offsets[b]; j < offsets[b + 1]; ++j) {
            sum += scores[static_cast<size_t>(j - offsets[b])] * v.row(j)[h * v.stride[1] + d];
          }
          out[static_cast<size_t>((i * heads + h) * width + d)] = sum;
        }
      }
    }
  }
  return out;
}

Values AttentionRelative(ConstHeads q, ConstHeads k, ConstHeads v, std::span<const int64_t> offsets,
                         std::span<const int32_t> positions,
                         const RelativeAttentionParams& params) {
  const int64_t heads = q.shape[1], width = q.shape[2];
  const auto dot = [width](const float* a, const float* b) {
    double sum = 0;
    for (int64_t d = 0; d < width; ++d) sum += static_cast<double>(a[d]) * b[d];
    return sum;
  };
  Values out(static_cast<size_t>(q.shape[0] * heads * width));
  for (size_t b = 0; b + 1 < offsets.size(); ++b) {
    for (int64_t i = offsets[b]; i < offsets[b + 1]; ++i) {
      for (int64_t h = 0; h < heads; ++h) {
        const float* query = q.row(i) + h * q.stride[1];
        Values scores;
        std::vector<int64_t> seen;
        for (int64_t j = offsets[b]; j < offsets[b + 1]; ++j) {
          const int64_t apart =
              int64_t{positions[static_cast<size_t>(i)]} - positions[static_cast<size_t>(j)];
          if (params.window >= 0 && std::abs(apart) > params.window) continue;
          const float* key = k.row(j) + h * k.stride[1];
          double score = dot(query, key), bias = 0;
          if (params.scores != nullptr) {
            const RelativeScores& more = *params.scores;
            const auto middle = static_cast<int64_t>(more.rows.size() / 2);
            const int64_t row = more.rows[static_cast<size_t>(middle + apart)];
            if (more.keys.data != nullptr) {
              score += dot(query, more.keys.row(row) + h * more.keys.stride[1]);
            }
            if (more.queries.data != nullptr) {
              score += dot(key, more.queries.row(row) + h * more.queries.stride[1]);
            }
            if (more.bias.data != nullptr) bias = more.bias.row(row)[h];
          }
          scores.push_back(score * params.scale + bias);
          seen.push_back(j);
        }
        Softmax(scores);
        for (int64_t d = 0; d < width; ++d) {
          double sum = 0;
          for (size_t s = 0; s < seen.size(); ++s) {
            sum += scores[s] * v.row(seen[s])[h * v.stride[1] + d];
          }
          out[static_cast<size_t>((i * heads + h) * width + d)] = sum;
        }
      }
    }
  }
  return out;
}

Values PoolMean(ConstMatrix x, std::span<const int64_t> offsets) {
  Values out;
  for (size_t b = 0; b + 1 < offsets.size(); ++b) {
    for (int64_t k = 0; k < x.shape[1]; ++k) {
      double sum = 0;
      for (int64_t t = offsets[b]; t < offsets[b + 1]; ++t) sum += x.row(t)[k];
      out.push_back(sum / static_cast<double>(offsets[b + 1] - offsets[b]));
    }
  }
  return out;
}

Values PoolFirst(ConstMatrix x, std::span<const int64_t> offsets) {
  Values out;
  for (size_t b = 0; b + 1 < offsets.size(); ++b) {
    for (int64_t k = 0; k < x.shape[1]; ++k) out.push_back(x.row(offsets[b])[k]);
  }
  return out;
}

Values L2Normalize(ConstMatrix x) {
  Values out;
  for (int64_t t = 0; t < x.shape[0]; ++t) {
    double squares = 0;
    for (int64_t k = 0; k < x.shape[1]; ++k) {
      squares += static_cast<double>(x.row(t)[k]) * x.row(t)[k];
    }
    const double length = std::max(std::sqrt(squares), 1e-12);
    for (int64_t k = 0; k < x.shape[1]; ++k) out.push_back(x.row(t)[k] / length);
  }
  return out;
}

}  // namespace footnote::kernels::reference
