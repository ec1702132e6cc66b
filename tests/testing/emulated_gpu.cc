#include "tests/testing/emulated_gpu.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <new>

#include "kernels/kv_pages.h"
#include "kernels/quant/half.h"

namespace footnote::testing {
namespace {

using kernels::DType;
using kernels::GpuActivation;
using kernels::GpuKvLayer;
using kernels::GpuMatrix;
using kernels::GpuNorm;
using kernels::GpuProduct;
using kernels::GpuSequences;
using kernels::GpuWeight;
using kernels::kPageTokens;

double Load(const void* data, DType dtype, int64_t at) {
  if (dtype == DType::kF32) return static_cast<const float*>(data)[at];
  const uint16_t bits = static_cast<const uint16_t*>(data)[at];
  if (dtype == DType::kF16) return kernels::FloatFromHalf(bits);
  return kernels::FloatFromBits(static_cast<uint32_t>(bits) << 16);
}

void Store(void* data, DType dtype, int64_t at, double value) {
  auto* to = static_cast<std::byte*>(data) + at * kernels::BlockBytes(dtype);
  auto rounded = static_cast<float>(value);
  if (dtype == DType::kF16) rounded = std::clamp(rounded, -65504.0f, 65504.0f);
  const Status status =
      kernels::Quantize(dtype, std::span(&rounded, 1),
                        std::span(to, static_cast<size_t>(kernels::BlockBytes(dtype))));
  if (!status.ok()) std::terminate();
}

double Get(const GpuMatrix& m, int64_t row, int64_t column) {
  return Load(m.data, m.dtype, row * m.stride + column);
}
void Set(const GpuMatrix& m, int64_t row, int64_t column, double value) {
  Store(m.data, m.dtype, row * m.stride + column, value);
}

std::vector<float> RowOf(const GpuWeight& w, int64_t row) {
  std::vector<float> values(static_cast<size_t>(w.columns));
  const auto bytes = static_cast<size_t>(kernels::RowBytes(w.dtype, w.columns));
  const auto* from = static_cast<const std::byte*>(w.data) + static_cast<size_t>(row) * bytes;
  if (!kernels::Dequantize(w.dtype, std::span(from, bytes), values).ok()) std::terminate();
  return values;
}

double Activated(GpuActivation activation, double v) {
  switch (activation) {
    case GpuActivation::kNone:
      return v;
    case GpuActivation::kGeluErf:
      return v / 2 * (1 + std::erf(v / std::sqrt(2.0)));
    case GpuActivation::kGeluTanh:
      return v / 2 * (1 + std::tanh(std::sqrt(2 / M_PI) * (v + 0.044715 * v * v * v)));
    case GpuActivation::kSilu:
      return v / (1 + std::exp(-v));
  }
  return v;
}

std::vector<double> Normalised(const GpuNorm& norm, const std::vector<double>& x) {
  double mean = 0;
  double squares = 0;
  const auto count = static_cast<double>(x.size());
  if (norm.kind == GpuNorm::Kind::kLayer) {
    for (const double v : x) mean += v / count;
  }
  for (const double v : x) squares += (v - mean) * (v - mean) / count;
  const double scale = 1 / std::sqrt(squares + static_cast<double>(norm.eps));
  std::vector<double> out;
  for (size_t k = 0; k < x.size(); ++k) {
    double value = (x[k] - mean) * scale * static_cast<double>(norm.weight[k] + norm.weight_bias);
    if (norm.bias != nullptr) value += static_cast<double>(norm.bias[k]);
    out.push_back(value);
  }
  return out;
}

std::vector<double> RowOf(const GpuMatrix& m, int64_t row) {
  std::vector<double> values;
  for (int64_t k = 0; k < m.columns; ++k) values.push_back(Get(m, row, k));
  return values;
}

double Dot(const std::vector<double>& x, const std::vector<float>& w) {
  double sum = 0;
  for (size_t k = 0; k < w.size(); ++k) sum += x[k] * static_cast<double>(w[k]);
  return sum;
}

class EmulatedGpu final : public kernels::Gpu {
 public:
  explicit EmulatedGpu(std::shared_ptr<EmulatedDevice> device) : device_(std::move(device)) {
    info_.name = "emulated";
    info_.compute_major = 9;
    info_.memory_bytes = device_->capacity_bytes;
    info_.usable = true;
  }

  const kernels::GpuInfo& info() const override { return info_; }
  StatusOr<int64_t> FreeBytes() override {
    std::lock_guard lock(device_->mutex);
    return device_->capacity_bytes - device_->used_bytes;
  }

  StatusOr<void*> Allocate(size_t bytes) override {
    std::lock_guard lock(device_->mutex);
    if (capturing_) return InternalError("memory was allocated within a capture");
    if (device_->used_bytes + static_cast<int64_t>(bytes) > device_->capacity_bytes) {
      return ResourceExhaustedError("the emulated GPU is full: " + std::to_string(bytes) +
                                    " bytes were wanted");
    }
    void* data = ::operator new (bytes, std::align_val_t{256});
    std::memset(data, 0xa5, bytes);
    device_->blocks[data] = bytes;
    device_->used_bytes += static_cast<int64_t>(bytes);
    return data;
  }
  void Free(void* memory) override {
    std::lock_guard lock(device_->mutex);
    const auto found = device_->blocks.find(memory);
    if (found == device_->blocks.end()) std::terminate();
    device_->used_bytes -= static_cast<int64_t>(found->second);
    device_->blocks.erase(found);
    ::operator delete (memory, std::align_val_t{256});
  }

  Status CopyIn(void* device, const void* host, size_t bytes) override {
    if (capturing_) return InternalError("the host's memory was copied within a capture");
    FOOTNOTE_RETURN_IF_ERROR(CheckBlock(device, bytes));
    std::memcpy(device, host, bytes);
    return Tick();
  }
  Status CopyOut(void* host, const void* device, size_t bytes) override {
    if (capturing_) return InternalError("a result was fetched within a capture");
    FOOTNOTE_RETURN_IF_ERROR(CheckBlock(device, bytes));
    std::memcpy(host, device, bytes);
    return Tick();
  }
  Status Synchronize() override { return Tick(); }

  StatusOr<int> Capture(const std::function<Status()>& body) override {
    ++device_->captures;
    capturing_ = true;
    captured_.clear();
    const Status status = body();
    capturing_ = false;
    FOOTNOTE_RETURN_IF_ERROR(status);
    graphs_.push_back(std::move(captured_));
    return static_cast<int>(graphs_.size()) - 1;
  }
  Status Replay(int graph) override {
    ++device_->replays;
    for (const auto& work : graphs_.at(static_cast<size_t>(graph))) work();
    return Tick();
  }

  StatusOr<GpuWeight> Upload(std::span<const kernels::Weight> parts, DType plain) override {
    GpuWeight weight;
    weight.dtype = parts[0].dtype;
    weight.columns = parts[0].columns;
    for (const kernels::Weight& part : parts) {
      weight.rows += part.rows;
      if (part.columns != weight.columns) return InvalidArgumentError("parts differ in columns");
      if (part.dtype != parts[0].dtype || kernels::BlockElements(part.dtype) == 1 ||
          plain == DType::kF32) {
        weight.dtype = plain;
      }
    }
    const auto row_bytes = static_cast<size_t>(kernels::RowBytes(weight.dtype, weight.columns));
    FOOTNOTE_ASSIGN_OR_RETURN(void* data, Allocate(static_cast<size_t>(weight.rows) * row_bytes));
    weight.data = data;
    auto* to = static_cast<std::byte*>(data);
    std::vector<float> values(static_cast<size_t>(weight.columns));
    for (const kernels::Weight& part : parts) {
      for (int64_t row = 0; row < part.rows; ++row, to += row_bytes) {
        if (part.dtype == weight.dtype) {
          std::memcpy(to, part.row(row), row_bytes);
          continue;
        }
        FOOTNOTE_RETURN_IF_ERROR(kernels::Dequantize(
            part.dtype, std::span(part.row(row), static_cast<size_t>(part.row_bytes())), values));
        FOOTNOTE_RETURN_IF_ERROR(kernels::Quantize(weight.dtype, values, std::span(to, row_bytes)));
      }
    }
    return weight;
  }

  Status EmbedRows(const GpuWeight& table, const int32_t* ids, float scale,
                   GpuMatrix out) override {
    return Enqueue([=] { Embed(table, ids, scale, false, out); });
  }
  Status AddEmbeddedRows(const GpuWeight& table, const int32_t* ids, GpuMatrix out) override {
    return Enqueue([=] { Embed(table, ids, 1, true, out); });
  }

  Status Norm(const GpuNorm& norm, GpuMatrix x, GpuMatrix out, GpuMatrix rounded) override {
    return Enqueue([=] {
      for (int64_t row = 0; row < x.rows; ++row) {
        const std::vector<double> values = Normalised(norm, RowOf(x, row));
        for (const GpuMatrix& to : {out, rounded}) {
          if (to.data == nullptr) continue;
          for (int64_t k = 0; k < x.columns; ++k) Set(to, row, k, values[static_cast<size_t>(k)]);
        }
      }
    });
  }

  Status Products(const GpuNorm* norm, GpuMatrix x, std::span<const GpuProduct> products) override {
    const std::vector<GpuProduct> all(products.begin(), products.end());
    for (const GpuProduct& each : all) {
      if (each.w.columns != x.columns || each.out.columns != each.w.rows ||
          each.out.rows != x.rows || (each.add && each.out.dtype != DType::kF32)) {
        return InvalidArgumentError("a product's shapes disagree");
      }
    }
    return Enqueue([=, normed = norm != nullptr, by = norm != nullptr ? *norm : GpuNorm()] {
      for (int64_t row = 0; row < x.rows; ++row) {
        std::vector<double> values = RowOf(x, row);
        if (normed) values = Normalised(by, values);
        for (const GpuProduct& each : all) {
          for (int64_t n = 0; n < each.w.rows; ++n) {
            double sum = Dot(values, RowOf(each.w, n));
            if (each.bias != nullptr) sum += static_cast<double>(each.bias[n]);
            sum = each.add ? sum + Get(each.out, row, n) : Activated(each.activation, sum);
            Set(each.out, row, n, sum);
          }
        }
      }
    });
  }
  Status GatedProduct(const GpuNorm* norm, GpuMatrix x,
                      const kernels::GpuGatedProduct& product) override {
    return Enqueue([=, normed = norm != nullptr, by = norm != nullptr ? *norm : GpuNorm()] {
      for (int64_t row = 0; row < x.rows; ++row) {
        std::vector<double> values = RowOf(x, row);
        if (normed) values = Normalised(by, values);
        for (int64_t n = 0; n < product.gate.rows; ++n) {
          double gate = Dot(values, RowOf(product.gate, n));
          double up = Dot(values, RowOf(product.up, n));
          if (product.gate_bias != nullptr) gate += static_cast<double>(product.gate_bias[n]);
          if (product.up_bias != nullptr) up += static_cast<double>(product.up_bias[n]);
          Set(product.out, row, n, Activated(product.activation, gate) * up);
        }
      }
    });
  }

  Status RopeAndStore(const kernels::GpuRopeAndStore& work, const GpuSequences& sequences,
                      const GpuKvLayer& layer) override {
    return Enqueue([=] { StoreRows(work, sequences, layer); });
  }
  Status Attention(GpuMatrix queries, const GpuSequences& sequences, const GpuKvLayer& layer,
                   const kernels::AttentionParams& params, GpuMatrix out) override {
    device_->most_shared_keys = std::max(device_->most_shared_keys, sequences.shared_keys);
    return Enqueue([=] { Attend(queries, sequences, layer, params, out); });
  }
  Status AttentionPacked(const kernels::GpuPackedAttention& work) override {
    return Enqueue([=] { AttendPacked(work); });
  }

  Status GatherRows(GpuMatrix x, const int32_t* rows, GpuMatrix out) override {
    return Enqueue([=] {
      for (int64_t i = 0; i < out.rows; ++i) {
        for (int64_t k = 0; k < out.columns; ++k) Set(out, i, k, Get(x, rows[i], k));
      }
    });
  }
  Status Pool(GpuMatrix x, const int32_t* begins, const int32_t* ends, bool mean, bool normalise,
              GpuMatrix out) override {
    return Enqueue([=] {
      for (int64_t b = 0; b < out.rows; ++b) {
        const int64_t end = mean ? ends[b] : begins[b] + 1;
        double squares = 0;
        std::vector<double> values(static_cast<size_t>(out.columns));
        for (int64_t k = 0; k < out.columns; ++k) {
          double& value = values[static_cast<size_t>(k)];
          for (int64_t row = begins[b]; row < end; ++row) value += Get(x, row, k);
          value /= static_cast<double>(end - begins[b]);
          squares += value * value;
        }
        const double scale = normalise ? 1 / std::max(std::sqrt(squares), 1e-12) : 1;
        for (int64_t k = 0; k < out.columns; ++k) {
          Set(out, b, k, values[static_cast<size_t>(k)] * scale);
        }
      }
    });
  }
  Status Tanh(GpuMatrix x) override {
    return Enqueue([=] {
      for (int64_t row = 0; row < x.rows; ++row) {
        for (int64_t k = 0; k < x.columns; ++k) Set(x, row, k, std::tanh(Get(x, row, k)));
      }
    });
  }
  Status Softcap(GpuMatrix x, float cap) override {
    return Enqueue([=] {
      for (int64_t row = 0; row < x.rows; ++row) {
        for (int64_t k = 0; k < x.columns; ++k) {
          Set(x, row, k, cap * std::tanh(Get(x, row, k) / cap));
        }
      }
    });
  }
  Status AddScaled(GpuMatrix y, float scale, GpuMatrix x) override {
    return Enqueue([=] {
      for (int64_t row = 0; row < x.rows; ++row) {
        for (int64_t k = 0; k < x.columns; ++k) {
          Set(x, row, k, Get(x, row, k) + static_cast<double>(scale) * Get(y, row, k));
        }
      }
    });
  }

  Status ArgMax(GpuMatrix logits, const uint32_t* allowed, int32_t* ids) override {
    ++device_->choices;
    return Enqueue([=] {
      const int64_t words = (logits.columns + 31) / 32;
      for (int64_t row = 0; row < logits.rows; ++row) {
        ids[row] = -1;
        double best = 0;
        for (int64_t n = 0; n < logits.columns; ++n) {
          if (allowed != nullptr && (allowed[row * words + n / 32] >> (n % 32) & 1) == 0) continue;
          const double value = Get(logits, row, n);
          if (std::isnan(value) || (ids[row] >= 0 && !(value > best))) continue;
          best = value;
          ids[row] = static_cast<int32_t>(n);
        }
      }
    });
  }
  Status TopK(GpuMatrix, int64_t, float*, int32_t*) override {
    return UnimplementedError("the emulated GPU has no TopK");
  }

  Status CopyPage(const GpuKvLayer& layer, int32_t from, int32_t to) override {
    const size_t bytes = static_cast<size_t>(layer.kv_heads * kPageTokens * layer.head_width *
                                             kernels::BlockBytes(layer.dtype));
    return Enqueue([=] {
      for (void* base : {layer.keys, layer.values}) {
        auto* pages = static_cast<std::byte*>(base);
        std::memcpy(pages + static_cast<size_t>(to) * bytes,
                    pages + static_cast<size_t>(from) * bytes, bytes);
      }
    });
  }

  StatusOr<Ceilings> MeasureCeilings() override { return Ceilings{1e9, 1e9, 1e9}; }

 private:
  Status Tick() {
    if (device_->fail_after == 0) return InternalError("the emulated GPU has failed");
    if (device_->fail_after > 0) --device_->fail_after;
    return OkStatus();
  }
  Status CheckBlock(const void* at, size_t bytes) {
    std::lock_guard lock(device_->mutex);
    auto block = device_->blocks.upper_bound(at);
    if (block == device_->blocks.begin()) return InternalError("no memory of the device");
    --block;
    const size_t offset = static_cast<size_t>(static_cast<const std::byte*>(at) -
                                              static_cast<const std::byte*>(block->first));
    return offset + bytes <= block->second ? OkStatus()
                                           : InternalError("a copy leaves the device's memory");
  }
  Status Enqueue(std::function<void()> work) {
    if (capturing_) {
      captured_.push_back(std::move(work));
      return OkStatus();
    }
    work();
    return Tick();
  }

  static void Embed(const GpuWeight& table, const int32_t* ids, float scale, bool add,
                    const GpuMatrix& out) {
    for (int64_t t = 0; t < out.rows; ++t) {
      // As the device: what is outside the table (the position of padding) stands for zeros.
      const int64_t id = ids == nullptr ? 0 : ids[t];
      const std::vector<float> row = id >= 0 && id < table.rows
                                         ? RowOf(table, id)
                                         : std::vector<float>(static_cast<size_t>(table.columns));
      for (int64_t k = 0; k < out.columns; ++k) {
        const double value = static_cast<double>(row[static_cast<size_t>(k)] * scale);
        Set(out, t, k, add ? Get(out, t, k) + value : value);
      }
    }
  }

  static int64_t PageAt(const GpuSequences& sequences, int64_t b, int64_t position,
                        const GpuKvLayer& layer, int64_t head) {
    const int64_t page = sequences.pages[b * sequences.pages_stride + position / kPageTokens];
    return ((page * layer.kv_heads + head) * kPageTokens + position % kPageTokens) *
           layer.head_width;
  }

  // Normalised and rotated.
  static std::vector<double> ReadyHead(const kernels::GpuRopeAndStore& work, const float* norm,
                                       int64_t row, int64_t first, int64_t width, int64_t angles) {
    std::vector<double> head;
    for (int64_t d = 0; d < width; ++d) head.push_back(Get(work.projected, row, first + d));
    if (norm != nullptr) {
      GpuNorm by;
      by.weight = norm;
      by.weight_bias = work.norm_weight_bias;
      by.eps = work.norm_eps;
      head = Normalised(by, head);
    }
    const int64_t half = work.rope.rotated / 2;
    for (int64_t i = 0; i < half; ++i) {
      const bool halves = work.rope.pairing == kernels::RopePairing::kHalves;
      double& a = head[static_cast<size_t>(halves ? i : 2 * i)];
      double& b = head[static_cast<size_t>(halves ? i + half : 2 * i + 1)];
      const double cosine = static_cast<double>(work.rope.cosines[angles * half + i]);
      const double sine = static_cast<double>(work.rope.sines[angles * half + i]);
      const double turned = a * cosine - b * sine;
      b = a * sine + b * cosine;
      a = turned;
    }
    return head;
  }

  static void StoreRows(const kernels::GpuRopeAndStore& work, const GpuSequences& sequences,
                        const GpuKvLayer& layer) {
    const int64_t width = layer.head_width;
    for (int64_t row = 0; row < sequences.rows; ++row) {
      const int64_t position = sequences.positions[row];
      if (position < 0) {
        for (int64_t k = 0; k < work.queries.columns; ++k) Set(work.queries, row, k, 0);
        continue;
      }
      const kernels::GpuRope& rope = work.rope;
      const bool second =
          rope.original_context > 0 &&
          sequences.known_lengths[sequences.row_sequence[row]] > rope.original_context;
      const int64_t angles = position + (second ? rope.positions : 0);
      for (int64_t h = 0; h < work.heads; ++h) {
        const auto head = ReadyHead(work, work.query_norm, row, h * width, width, angles);
        for (int64_t d = 0; d < width; ++d) {
          Set(work.queries, row, h * width + d, head[static_cast<size_t>(d)]);
        }
      }
      for (int64_t h = 0; h < layer.kv_heads; ++h) {
        const int64_t at = PageAt(sequences, sequences.row_sequence[row], position, layer, h);
        const int64_t key = (work.heads + h) * width;
        const auto head = ReadyHead(work, work.key_norm, row, key, width, angles);
        const int64_t value = (work.heads + layer.kv_heads + h) * width;
        for (int64_t d = 0; d < width; ++d) {
          Store(layer.keys, layer.dtype, at + d, head[static_cast<size_t>(d)]);
          Store(layer.values, layer.dtype, at + d, Get(work.projected, row, value + d));
        }
      }
    }
  }

  // What the kernels take on trust.
  static void CheckSharedKeys(const GpuSequences& sequences) {
    if (sequences.shared_keys % kPageTokens != 0) std::terminate();
    for (int64_t b = 0; b < sequences.count; ++b) {
      const int32_t rows = sequences.first_row[b + 1] - sequences.first_row[b];
      if (sequences.lengths[b] == 0) continue;
      if (sequences.lengths[b] - rows < sequences.shared_keys) std::terminate();
      for (int64_t page = 0; page < sequences.shared_keys / kPageTokens; ++page) {
        if (sequences.pages[b * sequences.pages_stride + page] != sequences.pages[page]) {
          std::terminate();
        }
      }
    }
  }

  // softmax(scores) · values.
  template <typename Value>
  static void Weigh(std::vector<double>& scores, int64_t width, const Value& value,
                    const GpuMatrix& out, int64_t row, int64_t first) {
    const double most = *std::max_element(scores.begin(), scores.end());
    double total = 0;
    for (double& s : scores) total += s = std::exp(s - most);
    for (int64_t d = 0; d < width; ++d) {
      double sum = 0;
      for (size_t j = 0; j < scores.size(); ++j) {
        sum += scores[j] * value(static_cast<int64_t>(j), d);
      }
      Set(out, row, first + d, sum / total);
    }
  }

  static void Attend(const GpuMatrix& queries, const GpuSequences& sequences,
                     const GpuKvLayer& layer, const kernels::AttentionParams& params,
                     const GpuMatrix& out) {
    const int64_t width = layer.head_width;
    const int64_t heads = queries.columns / width;
    CheckSharedKeys(sequences);
    for (int64_t row = 0; row < sequences.rows; ++row) {
      const int64_t position = sequences.positions[row];
      if (position < 0) {
        for (int64_t k = 0; k < out.columns; ++k) Set(out, row, k, 0);
        continue;
      }
      const int64_t b = sequences.row_sequence[row];
      const int64_t first =
          params.window == 0 ? 0 : std::max<int64_t>(0, position - params.window + 1);
      for (int64_t h = 0; h < heads; ++h) {
        const int64_t kv = h / (heads / layer.kv_heads);
        std::vector<double> scores;
        for (int64_t j = first; j <= position; ++j) {
          const int64_t at = PageAt(sequences, b, j, layer, kv);
          double sum = 0;
          for (int64_t d = 0; d < width; ++d) {
            sum += Get(queries, row, h * width + d) * Load(layer.keys, layer.dtype, at + d);
          }
          sum *= static_cast<double>(params.scale);
          if (params.softcap > 0) {
            const auto cap = static_cast<double>(params.softcap);
            sum = cap * std::tanh(sum / cap);
          }
          scores.push_back(sum);
        }
        Weigh(
            scores, width,
            [&](int64_t j, int64_t d) {
              return Load(layer.values, layer.dtype,
                          PageAt(sequences, b, first + j, layer, kv) + d);
            },
            out, row, h * width);
      }
    }
  }

  static void AttendPacked(const kernels::GpuPackedAttention& work) {
    const int64_t width = work.head_width;
    const int64_t all = work.heads * width;
    for (int64_t b = 0; b < work.sequences; ++b) {
      for (int64_t row = work.offsets[b]; row < work.offsets[b + 1]; ++row) {
        for (int64_t h = 0; h < work.heads; ++h) {
          std::vector<double> scores;
          for (int64_t j = work.offsets[b]; j < work.offsets[b + 1]; ++j) {
            double sum = 0;
            for (int64_t d = 0; d < width; ++d) {
              sum += Get(work.projected, row, h * width + d) *
                     Get(work.projected, j, all + h * width + d);
            }
            scores.push_back(sum * static_cast<double>(work.scale));
          }
          Weigh(
              scores, width,
              [&](int64_t j, int64_t d) {
                return Get(work.projected, work.offsets[b] + j, 2 * all + h * width + d);
              },
              work.out, row, h * width);
        }
      }
    }
  }

  std::shared_ptr<EmulatedDevice> device_;
  kernels::GpuInfo info_;
  bool capturing_ = false;
  std::vector<std::function<void()>> captured_;
  std::vector<std::vector<std::function<void()>>> graphs_;
};

}  // namespace

std::unique_ptr<kernels::Gpu> MakeEmulatedGpu(std::shared_ptr<EmulatedDevice> device) {
  return std::make_unique<EmulatedGpu>(std::move(device));
}

}  // namespace footnote::testing
