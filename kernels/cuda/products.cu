// Which kernel a product gets.
#include "kernels/cuda/products.h"

#include <algorithm>
#include <vector>

#include "kernels/cuda/cublas_lt.h"
#include "kernels/cuda/dequantize.h"
#include "kernels/cuda/gemv.h"
#include "kernels/cuda/prepare.h"
#include "kernels/cuda/product_mma.h"
#include "kernels/cuda/try.h"
#include "kernels/cuda/weight_layout.h"

namespace footnote::kernels::cuda {
namespace {

// Quantised weights become float16 this much at a time.
constexpr int64_t kDequantisedBytes = int64_t{256} << 20;

// Device memory that grows; what it was before stays until the end, because captured graphs use it.
class Buffer {
 public:
  ~Buffer() {
    for (void* each : all_) cudaFree(each);
  }
  int Reserve(int64_t bytes, cudaStream_t stream) {
    if (bytes <= bytes_) return cudaSuccess;
    cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
    FOOTNOTE_CUDA_TRY(cudaStreamIsCapturing(stream, &status));
    if (status != cudaStreamCaptureStatusNone) return cudaErrorStreamCaptureUnsupported;
    const int64_t wanted = std::max(bytes, bytes_ + bytes_ / 2);
    void* memory = nullptr;
    FOOTNOTE_CUDA_TRY(cudaMalloc(&memory, static_cast<size_t>(wanted)));
    all_.push_back(memory);
    bytes_ = wanted;
    total_ += wanted;
    return cudaSuccess;
  }
  void* data() const { return all_.empty() ? nullptr : all_.back(); }
  int64_t total() const { return total_; }

 private:
  std::vector<void*> all_;
  int64_t bytes_ = 0, total_ = 0;
};

// How x was made ready last, so that products of the same x share it.
enum class Ready { kNone, kRounded, kStaged, kFragments, kConverted };

// One matrix of a call.
struct Part {
  GpuWeight w;
  RowOutput out;
};

bool Aligned(const void* pointer, uintptr_t to) {
  return reinterpret_cast<uintptr_t>(pointer) % to == 0;
}

bool IsPlain(DType dtype) { return !IsQuantised(dtype); }

class StreamProducts final : public Products {
 public:
  StreamProducts(cudaStream_t stream, const ProductOptions& options, int multiprocessors,
                 bool overlap)
      : on_{stream, overlap}, options_(options), multiprocessors_(multiprocessors) {
    if (options.use_cublas_lt) {
      lt_ = CublasLt::Create(&problem_);
    } else {
      problem_ = "cuBLASLt is switched off";
    }
  }

  int Start() {
    if (lt_ == nullptr) return cudaSuccess;
    return workspace_.Reserve(static_cast<int64_t>(CublasLt::kWorkspaceBytes), on_.stream);
  }

  int Run(const GpuNorm* norm, GpuMatrix x, std::span<const GpuProduct> products) override {
    std::vector<Part> parts;
    for (const GpuProduct& p : products) {
      if (p.add && (p.out.dtype != DType::kF32 || p.activation != GpuActivation::kNone)) {
        return cudaErrorInvalidValue;
      }
      if (!Takes(x, p.w, p.out)) return cudaErrorInvalidValue;
      parts.push_back({p.w, {p.out.data, p.out.stride, p.out.dtype, p.add, p.activation, p.bias}});
    }
    if (x.rows == 0 || parts.empty()) return cudaSuccess;
    FOOTNOTE_CUDA_TRY(Begin(norm, x));
    // Neighbours of one format, or of two that have a kernel together, go into one launch.
    for (size_t begin = 0; begin < parts.size();) {
      const DType dtype = parts[begin].w.dtype;
      size_t end = begin + 1;
      if (ByGemv(dtype)) {
        std::vector<Part> first = {parts[begin]}, second;
        for (; end < parts.size(); ++end) {
          const DType other = parts[end].w.dtype;
          std::vector<Part>& list = other == dtype ? first : second;
          const bool joins =
              other == dtype || (second.empty() ? Pairs(dtype, other) : second[0].w.dtype == other);
          if (!joins || list.size() == kMostGemvTargets) break;
          list.push_back(parts[end]);
        }
        FOOTNOTE_CUDA_TRY(second.empty() ? Gemv(first, false) : GemvOfTwo(first, second));
      } else {
        FOOTNOTE_CUDA_TRY(Many(parts[begin]));
      }
      begin = end;
    }
    return cudaSuccess;
  }

  int RunGated(const GpuNorm* norm, GpuMatrix x, const GpuGatedProduct& p) override {
    if (!Takes(x, p.gate, p.out) || !Takes(x, p.up, p.out)) return cudaErrorInvalidValue;
    if (x.rows == 0) return cudaSuccess;
    FOOTNOTE_CUDA_TRY(Begin(norm, x));
    Part parts[2] = {
        {p.gate, {p.out.data, p.out.stride, p.out.dtype, false, p.activation, p.gate_bias}},
        {p.up, {p.out.data, p.out.stride, p.out.dtype, false, GpuActivation::kNone, p.up_bias}}};
    if (p.gate.dtype == p.up.dtype && ByGemv(p.gate.dtype)) return Gemv(parts, true);
    // Sums of both, then the product of the two.
    FinishWork finish;
    FinishWork of_up;
    FOOTNOTE_CUDA_TRY(Sums(parts[0], 0, &finish));
    FOOTNOTE_CUDA_TRY(Sums(parts[1], 1, &of_up));
    finish.up = of_up.sums;
    finish.up_split = of_up.split;
    finish.up_factor = of_up.factor;
    finish.up_bias = p.up_bias;
    finish.out = parts[0].out;
    return LaunchFinish(finish, on_);
  }

  const std::string& problem() const override { return problem_; }
  int64_t scratch_bytes() const override {
    return ready_x_.total() + sums_[0].total() + sums_[1].total() + dequantised_.total() +
           workspace_.total();
  }

 private:
  bool Takes(const GpuMatrix& x, const GpuWeight& w, const GpuMatrix& out) const {
    constexpr int64_t kMost = 0x3fffffff;
    return w && w.rows > 0 && w.rows <= kMost && w.columns > 0 && w.columns <= kMost &&
           Aligned(w.data, 16) && w.columns % BlockElements(w.dtype) == 0 && x.rows >= 0 &&
           x.rows <= 65535 && x.columns == w.columns && IsPlain(x.dtype) && x.stride % 8 == 0 &&
           x.stride >= x.columns && Aligned(x.data, 16) && out.data != nullptr &&
           out.rows >= x.rows && out.columns == w.rows && out.stride >= out.columns &&
           IsPlain(out.dtype);
  }

  int Begin(const GpuNorm* norm, const GpuMatrix& x) {
    ready_ = Ready::kNone;
    x_ = {x.data,
          x.dtype,
          x.stride,
          static_cast<int>(x.rows),
          static_cast<int>(x.columns),
          norm != nullptr,
          norm != nullptr ? *norm : GpuNorm()};
    return norm != nullptr && norm->weight == nullptr ? cudaErrorInvalidValue : cudaSuccess;
  }

  bool ByGemv(DType dtype) const {
    return x_.tokens <=
               (IsQuantised(dtype) ? options_.most_gemv_quantised : options_.most_gemv_plain) &&
           GemvTakes(dtype, x_.tokens, x_.columns);
  }

  // --- x made ready, once for neighbouring products that want it alike ---------------------------

  int Rounded() {
    if (ready_ == Ready::kRounded) return cudaSuccess;
    ready_ = Ready::kRounded;
    FOOTNOTE_CUDA_TRY(ready_x_.Reserve(x_.tokens * RoundedRowBytes(x_.columns), on_.stream));
    return LaunchRoundRows(x_, static_cast<uint8_t*>(ready_x_.data()), on_);
  }
  int Staged() {
    if (ready_ == Ready::kStaged) return cudaSuccess;
    ready_ = Ready::kStaged;
    FOOTNOTE_CUDA_TRY(
        ready_x_.Reserve(int64_t{x_.tokens} * StagedColumns(x_.columns) * 4, on_.stream));
    return LaunchStageRows(x_, static_cast<float*>(ready_x_.data()), on_);
  }
  int Fragments(DType type, bool by_groups) {
    if (ready_ == Ready::kFragments && ready_type_ == type && by_groups_ == by_groups) {
      return cudaSuccess;
    }
    ready_ = Ready::kFragments;
    ready_type_ = type;
    by_groups_ = by_groups;
    const int tiles = MmaTiles(x_.tokens);
    FOOTNOTE_CUDA_TRY(ready_x_.Reserve(FragmentBytes(x_.columns, tiles), on_.stream));
    return LaunchFragments(x_, type, by_groups, tiles, ready_x_.data(), on_);
  }
  // x as rows of `type`: as it is, if it is that.
  int Converted(DType type, const void** data, int64_t* stride) {
    if (!x_.has_norm && x_.dtype == type) {
      *data = x_.data;
      *stride = x_.stride;
      return cudaSuccess;
    }
    *stride = (x_.columns + 7) / 8 * 8;
    if (ready_ != Ready::kConverted || ready_type_ != type) {
      ready_ = Ready::kConverted;
      ready_type_ = type;
      FOOTNOTE_CUDA_TRY(ready_x_.Reserve(x_.tokens * *stride * BlockBytes(type), on_.stream));
      FOOTNOTE_CUDA_TRY(LaunchConvertRows(x_, type, *stride, ready_x_.data(), on_));
    }
    *data = ready_x_.data();
    return cudaSuccess;
  }

  // --- few rows
  // ------------------------------------------------------------------------------------

  GemvVariant Variant() const {
    return {options_.gemv_rows, options_.gemv_split, options_.gemv_blocks,
            options_.gemv_prefetch_kib};
  }

  bool Pairs(DType first, DType second) const {
    return multiprocessors_ > 1 && ByGemv(first) && ByGemv(second) &&
           GemvPairs(first, second, x_.tokens);
  }

  int WorkOf(std::span<const Part> parts, bool gated, GemvWork* work) {
    const DType dtype = parts[0].w.dtype;
    work->x = x_;
    work->gated = gated;
    work->target_count = static_cast<int>(parts.size());
    for (size_t i = 0; i < parts.size(); ++i) {
      GemvTarget& target = work->targets[i];
      target.w = static_cast<const uint8_t*>(parts[i].w.data);
      target.row_bytes = LaidRowBytes(dtype, parts[i].w.columns);
      target.rows = static_cast<int>(parts[i].w.rows);
      target.out = parts[i].out;
    }
    if (!GemvStagesItself(dtype, x_.tokens, x_.columns)) {
      FOOTNOTE_CUDA_TRY(IsQuantised(dtype) ? Rounded() : Staged());
      work->prepared = static_cast<const uint8_t*>(ready_x_.data());
    }
    return cudaSuccess;
  }

  int Gemv(std::span<const Part> parts, bool gated) {
    GemvWork work;
    FOOTNOTE_CUDA_TRY(WorkOf(parts, gated, &work));
    return LaunchGemv(parts[0].w.dtype, work, multiprocessors_, Variant(), on_);
  }

  int GemvOfTwo(std::span<const Part> first, std::span<const Part> second) {
    GemvWork works[2];
    FOOTNOTE_CUDA_TRY(WorkOf(first, false, &works[0]));
    FOOTNOTE_CUDA_TRY(WorkOf(second, false, &works[1]));
    return LaunchGemvPair(first[0].w.dtype, works[0], second[0].w.dtype, works[1], multiprocessors_,
                          Variant(), on_);
  }

  // --- many rows
  // -----------------------------------------------------------------------------------

  bool ByLt(DType dtype) const {
    return lt_ != nullptr && (IsPlain(dtype) || x_.tokens > options_.most_mma);
  }

  int Many(const Part& part) {
    if (ByLt(part.w.dtype)) {
      // Straight to the output where the library can do the rest.
      const DType type = IsQuantised(part.w.dtype) ? DType::kF16 : part.w.dtype;
      if (part.out.activation == GpuActivation::kNone &&
          (part.out.dtype == DType::kF32 || (part.out.dtype == type && part.out.bias == nullptr))) {
        const int error = Lt(part.w, part.out);
        if (error != cudaErrorNotSupported) return error;
      }
    }
    FinishWork finish;
    FOOTNOTE_CUDA_TRY(Sums(part, 0, &finish));
    finish.out = part.out;
    return LaunchFinish(finish, on_);
  }

  // Sums in scratch memory `slot`, for LaunchFinish.
  int Sums(const Part& part, int slot, FinishWork* finish) {
    const GpuWeight& w = part.w;
    Buffer& sums = sums_[slot];
    const int64_t outputs = int64_t{x_.tokens} * w.rows;
    finish->tokens = x_.tokens;
    finish->rows = static_cast<int>(w.rows);
    finish->split = 1;
    finish->factor = 1;
    if (ByLt(w.dtype)) {
      FOOTNOTE_CUDA_TRY(sums.Reserve(outputs * 4, on_.stream));
      RowOutput out;
      out.data = sums.data();
      out.stride = w.rows;
      const int error = Lt(w, out);
      finish->sums = static_cast<const float*>(sums.data());
      if (error != cudaErrorNotSupported) return error;
    }
    MmaWork work;
    work.dtype = w.dtype;
    work.w = static_cast<const uint8_t*>(w.data);
    work.row_bytes = LaidRowBytes(w.dtype, w.columns);
    work.rows = static_cast<int>(w.rows);
    work.columns = static_cast<int>(w.columns);
    work.tokens = x_.tokens;
    work.tiles = MmaTiles(x_.tokens);
    if (w.dtype == DType::kF32) {
      FOOTNOTE_CUDA_TRY(Staged());
      FOOTNOTE_CUDA_TRY(sums.Reserve(outputs * 4, on_.stream));
      work.sums = static_cast<float*>(sums.data());
      finish->sums = work.sums;
      return LaunchFloatProduct(work, static_cast<const float*>(ready_x_.data()), on_);
    }
    const bool quantised = IsQuantised(w.dtype);
    FOOTNOTE_CUDA_TRY(Fragments(w.dtype == DType::kBF16 ? DType::kBF16 : DType::kF16, quantised));
    work.fragments = ready_x_.data();
    work.split = MmaSplit(w.rows, w.columns, x_.tokens, multiprocessors_);
    FOOTNOTE_CUDA_TRY(sums.Reserve(work.split * outputs * 4, on_.stream));
    work.sums = static_cast<float*>(sums.data());
    finish->sums = work.sums;
    finish->split = work.split;
    if (quantised) finish->factor = 1.0f / kHalfScale;
    return LaunchMma(work, on_);
  }

  // Without activation; bias and add only for F32.
  int Lt(const GpuWeight& w, const RowOutput& out) {
    LtProduct p;
    const bool quantised = IsQuantised(w.dtype);
    p.type = quantised ? DType::kF16 : w.dtype;
    FOOTNOTE_CUDA_TRY(Converted(p.type, &p.x, &p.x_stride));
    p.tokens = x_.tokens;
    p.columns = w.columns;
    p.w_stride = w.columns;
    p.out_stride = out.stride;
    p.out_type = out.dtype;
    p.add = out.add;
    if (!quantised) {
      p.w = w.data;
      p.rows = w.rows;
      p.out = out.data;
      p.bias = out.bias;
      return lt_->Multiply(p, workspace_.data(), on_.stream);
    }
    // A piece of the rows at a time; pieces of 128 rows keep outputs aligned.
    const int64_t row_bytes = w.columns * 2;
    const int64_t most = std::max<int64_t>(128, kDequantisedBytes / row_bytes / 128 * 128);
    const int64_t piece = std::min(most, w.rows);
    FOOTNOTE_CUDA_TRY(dequantised_.Reserve(piece * row_bytes, on_.stream));
    p.factor = 1.0f / kHalfScale;
    for (int64_t begin = 0; begin < w.rows; begin += piece) {
      p.rows = std::min(piece, w.rows - begin);
      const GpuWeight rows = {
          w.dtype, static_cast<const uint8_t*>(w.data) + begin * LaidRowBytes(w.dtype, w.columns),
          p.rows, w.columns};
      FOOTNOTE_CUDA_TRY(LaunchDequantizeRows(
          rows, nullptr, p.rows, kHalfScale, false,
          GpuMatrix::Of(dequantised_.data(), DType::kF16, p.rows, w.columns), on_.stream));
      p.w = dequantised_.data();
      p.out = static_cast<uint8_t*>(out.data) + begin * BlockBytes(out.dtype);
      p.bias = out.bias == nullptr ? nullptr : out.bias + begin;
      const int error = lt_->Multiply(p, workspace_.data(), on_.stream);
      // After the first piece an `add` has been added to: no other kernel may begin again.
      if (error == cudaErrorNotSupported && begin > 0) return cudaErrorUnknown;
      FOOTNOTE_CUDA_TRY(error);
    }
    return cudaSuccess;
  }

  LaunchOn on_;
  ProductOptions options_;
  int multiprocessors_;
  std::unique_ptr<CublasLt> lt_;
  std::string problem_;
  InputRows x_;
  Ready ready_ = Ready::kNone;
  DType ready_type_ = DType::kF32;
  bool by_groups_ = false;
  Buffer ready_x_, sums_[2], dequantised_, workspace_;
};

}  // namespace

int Products::Create(void* stream, const ProductOptions& options,
                     std::unique_ptr<Products>* products) {
  int device = 0, multiprocessors = 0, major = 0;
  FOOTNOTE_CUDA_TRY(cudaGetDevice(&device));
  FOOTNOTE_CUDA_TRY(
      cudaDeviceGetAttribute(&multiprocessors, cudaDevAttrMultiProcessorCount, device));
  FOOTNOTE_CUDA_TRY(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device));
  auto made = std::make_unique<StreamProducts>(static_cast<cudaStream_t>(stream), options,
                                               multiprocessors, options.overlap && major >= 9);
  FOOTNOTE_CUDA_TRY(made->Start());
  *products = std::move(made);
  return cudaSuccess;
}

}  // namespace footnote::kernels::cuda
