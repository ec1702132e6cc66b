// Whole rows at a time go to a raw buffer on the device, where kernels lay them out.
#include "kernels/cuda/upload.h"

#include <cuda_runtime.h>

#include <algorithm>
#include <cstring>

#include "kernels/cuda/dequantize.h"
#include "kernels/cuda/row_output.h"
#include "kernels/cuda/try.h"
#include "kernels/cuda/weight_layout.h"

namespace footnote::kernels::cuda {
namespace {

constexpr int kThreads = 128;

template <typename Layout>
__global__ void __launch_bounds__(kThreads) RepackKernel(const uint8_t* raw, int64_t raw_row_bytes,
                                                         int64_t rows, int groups, uint8_t* laid) {
  const int64_t index = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  const int64_t row = index / groups;
  if (row >= rows) return;
  Layout::Repack(raw + row * raw_row_bytes, laid + row * Layout::RowBytes(groups), groups,
                 static_cast<int>(index % groups));
}

int LaunchRepack(DType dtype, const uint8_t* raw, int64_t rows, int64_t columns, uint8_t* laid,
                 cudaStream_t stream) {
  const int groups = static_cast<int>(columns / kGroup);
  const auto blocks = static_cast<unsigned>((rows * groups + kThreads - 1) / kThreads);
  return WithLayout(dtype, static_cast<int>(cudaErrorInvalidValue), [&](auto layout) -> int {
    RepackKernel<decltype(layout)>
        <<<blocks, kThreads, 0, stream>>>(raw, RowBytes(dtype, columns), rows, groups, laid);
    return cudaGetLastError();
  });
}

// count numbers of one plain type to another; of the same, a copy.
__global__ void __launch_bounds__(kThreads)
    ConvertKernel(const uint8_t* from, DType from_type, int64_t count, uint8_t* to, DType to_type) {
  const int64_t i = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (i >= count) return;
  float v;
  if (from_type == DType::kF32) {
    v = reinterpret_cast<const float*>(from)[i];
  } else if (from_type == DType::kF16) {
    v = __half2float(reinterpret_cast<const __half*>(from)[i]);
  } else {
    v = __bfloat162float(reinterpret_cast<const __nv_bfloat16*>(from)[i]);
  }
  StoreRounded(to, to_type, i, v);
}

// How rows travel: as in the file, or decoded by the host.
DType SentType(DType dtype) { return HasLayout(dtype) ? dtype : DType::kF32; }

class StreamUploader final : public Uploader {
 public:
  StreamUploader(cudaStream_t stream, int64_t piece_bytes)
      : stream_(stream), piece_bytes_(piece_bytes) {}
  ~StreamUploader() override {
    cudaStreamSynchronize(stream_);
    for (Piece& piece : pieces_) {
      cudaFreeHost(piece.host);
      cudaFree(piece.raw);
      cudaFree(piece.laid);
      if (piece.copied != nullptr) cudaEventDestroy(piece.copied);
    }
  }

  int Start() {
    for (Piece& piece : pieces_) {
      FOOTNOTE_CUDA_TRY(cudaEventCreateWithFlags(&piece.copied, cudaEventDisableTiming));
    }
    return Grow(piece_bytes_);
  }

  int Upload(std::span<const Weight> parts, DType plain, bool keep_quantised, void* device,
             GpuWeight* weight) override {
    *weight = UploadedShape(parts, plain, keep_quantised);
    if (weight->rows == 0 || device == nullptr || reinterpret_cast<uintptr_t>(device) % 256 != 0) {
      return cudaErrorInvalidValue;
    }
    weight->data = device;
    const int64_t laid_row = LaidRowBytes(weight->dtype, weight->columns);
    auto* to = static_cast<uint8_t*>(device);
    for (const Weight& part : parts) {
      const int64_t row_bytes = part.row_bytes();
      const DType sent = SentType(part.dtype);
      const int64_t sent_row = RowBytes(sent, part.columns);
      // Quantised parts that become plain are laid out first; rows are a little longer then.
      const int64_t most_row = std::max(sent_row, LaidRowBytes(sent, part.columns));
      if (most_row > piece_bytes_) FOOTNOTE_CUDA_TRY(Grow(most_row));
      const int64_t rows_at_once = piece_bytes_ / most_row;
      for (int64_t begin = 0; begin < part.rows; begin += rows_at_once) {
        const int64_t rows = std::min(rows_at_once, part.rows - begin);
        Piece& piece = pieces_[next_];
        next_ = 1 - next_;
        // The host's half is free when its copy is done; the device's, by the order of the stream.
        FOOTNOTE_CUDA_TRY(cudaEventSynchronize(piece.copied));
        const auto bytes = static_cast<size_t>(rows * sent_row);
        if (sent != part.dtype) {
          const std::span<const std::byte> from(part.row(begin),
                                                static_cast<size_t>(rows * row_bytes));
          const auto count = static_cast<size_t>(rows * part.columns);
          if (!Dequantize(part.dtype, from, {static_cast<float*>(piece.host), count}).ok()) {
            return cudaErrorInvalidValue;
          }
        } else {
          std::memcpy(piece.host, part.row(begin), bytes);
        }
        FOOTNOTE_CUDA_TRY(
            cudaMemcpyAsync(piece.raw, piece.host, bytes, cudaMemcpyHostToDevice, stream_));
        FOOTNOTE_CUDA_TRY(cudaEventRecord(piece.copied, stream_));
        FOOTNOTE_CUDA_TRY(LayOut(part, rows, piece, *weight, to));
        to += rows * laid_row;
      }
    }
    return cudaSuccess;
  }

 private:
  struct Piece {
    void* host = nullptr;
    uint8_t* raw = nullptr;
    uint8_t* laid = nullptr;  // between, where quantised rows become plain
    cudaEvent_t copied = nullptr;
  };

  int Grow(int64_t bytes) {
    FOOTNOTE_CUDA_TRY(cudaStreamSynchronize(stream_));
    for (Piece& piece : pieces_) {
      cudaFreeHost(piece.host);
      cudaFree(piece.raw);
      cudaFree(piece.laid);
      piece.host = nullptr;
      piece.raw = piece.laid = nullptr;
      const auto size = static_cast<size_t>(bytes);
      FOOTNOTE_CUDA_TRY(cudaMallocHost(&piece.host, size));
      FOOTNOTE_CUDA_TRY(cudaMalloc(&piece.raw, size));
      FOOTNOTE_CUDA_TRY(cudaMalloc(&piece.laid, size));
    }
    piece_bytes_ = bytes;
    return cudaSuccess;
  }

  int LayOut(const Weight& part, int64_t rows, const Piece& piece, const GpuWeight& weight,
             uint8_t* to) {
    if (IsQuantised(weight.dtype)) {
      return LaunchRepack(part.dtype, piece.raw, rows, part.columns, to, stream_);
    }
    const DType sent = SentType(part.dtype);
    if (!IsQuantised(sent)) {
      const int64_t count = rows * part.columns;
      const auto blocks = static_cast<unsigned>((count + kThreads - 1) / kThreads);
      ConvertKernel<<<blocks, kThreads, 0, stream_>>>(piece.raw, sent, count, to, weight.dtype);
      return cudaGetLastError();
    }
    FOOTNOTE_CUDA_TRY(LaunchRepack(sent, piece.raw, rows, part.columns, piece.laid, stream_));
    const GpuWeight laid = {sent, piece.laid, rows, part.columns};
    return LaunchDequantizeRows(laid, nullptr, rows, 1.0f, false,
                                GpuMatrix::Of(to, weight.dtype, rows, part.columns), stream_);
  }

  cudaStream_t stream_;
  int64_t piece_bytes_;
  Piece pieces_[2];
  int next_ = 0;
};

}  // namespace

GpuWeight UploadedShape(std::span<const Weight> parts, DType plain, bool keep_quantised) {
  GpuWeight shape;
  if (parts.empty() || IsQuantised(plain)) return shape;
  shape.dtype = parts[0].dtype;
  shape.columns = parts[0].columns;
  int64_t rows = 0;
  for (const Weight& part : parts) {
    if (!part || part.columns != shape.columns || part.columns < 1 || part.rows < 1 ||
        part.columns % BlockElements(part.dtype) != 0) {
      return GpuWeight();
    }
    if (part.dtype != parts[0].dtype || !IsQuantised(part.dtype) || !HasLayout(part.dtype) ||
        !keep_quantised) {
      shape.dtype = plain;
    }
    rows += part.rows;
  }
  shape.rows = rows;
  return shape;
}

int64_t UploadedBytes(const GpuWeight& shape) {
  return (shape.rows * LaidRowBytes(shape.dtype, shape.columns) + 255) / 256 * 256;
}

int Uploader::Create(void* stream, int64_t piece_bytes, std::unique_ptr<Uploader>* uploader) {
  if (piece_bytes < 1) return cudaErrorInvalidValue;
  auto made = std::make_unique<StreamUploader>(static_cast<cudaStream_t>(stream), piece_bytes);
  FOOTNOTE_CUDA_TRY(made->Start());
  *uploader = std::move(made);
  return cudaSuccess;
}

}  // namespace footnote::kernels::cuda
