// Gpu on CUDA: memory, copies, graphs, and the launchers of this folder on one stream.
#include "kernels/gpu.h"

#include <cuda_runtime.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "kernels/cuda/attention.h"
#include "kernels/cuda/ceilings.h"
#include "kernels/cuda/checked.h"
#include "kernels/cuda/dequantize.h"
#include "kernels/cuda/elementwise.h"
#include "kernels/cuda/products.h"
#include "kernels/cuda/select.h"
#include "kernels/cuda/staging.h"
#include "kernels/cuda/upload.h"

namespace footnote::kernels {
namespace {

using cuda::StatusOf;

constexpr int64_t kUploadPieceBytes = int64_t{16} << 20;

class CudaGpu final : public Gpu {
 public:
  explicit CudaGpu(GpuInfo info) : info_(std::move(info)) {}
  ~CudaGpu() override;

  Status Open();

  const GpuInfo& info() const override { return info_; }
  StatusOr<int64_t> FreeBytes() override;
  StatusOr<void*> Allocate(size_t bytes) override;
  void Free(void* memory) override;
  Status CopyIn(void* device, const void* host, size_t bytes) override {
    return Run([&] { return staging_->In(device, host, bytes); });
  }
  Status CopyOut(void* host, const void* device, size_t bytes) override {
    return Run([&] { return staging_->Out(host, device, bytes); });
  }
  Status Synchronize() override {
    return Launch("waiting for the GPU",
                  [&] { return static_cast<int>(cudaStreamSynchronize(stream_)); });
  }
  StatusOr<int> Capture(const std::function<Status()>& body) override;
  Status Replay(int graph) override {
    return Launch("a captured graph", [&] {
      return static_cast<int>(cudaGraphLaunch(graphs_[static_cast<size_t>(graph)], stream_));
    });
  }
  StatusOr<GpuWeight> Upload(std::span<const Weight> parts, DType plain) override;

  Status EmbedRows(const GpuWeight& table, const int32_t* ids, float scale,
                   GpuMatrix out) override {
    return Launch("EmbedRows", [&] { return Embed(table, ids, scale, false, out); });
  }
  Status AddEmbeddedRows(const GpuWeight& table, const int32_t* ids, GpuMatrix out) override {
    return Launch("AddEmbeddedRows", [&] { return Embed(table, ids, 1, true, out); });
  }
  Status Norm(const GpuNorm& norm, GpuMatrix x, GpuMatrix out, GpuMatrix rounded) override {
    return Launch("Norm", [&] { return cuda::LaunchNorm(norm, x, out, rounded, stream_); });
  }
  Status Products(const GpuNorm* norm, GpuMatrix x, std::span<const GpuProduct> products) override {
    return Launch("Products", [&] { return products_->Run(norm, x, products); });
  }
  Status GatedProduct(const GpuNorm* norm, GpuMatrix x, const GpuGatedProduct& product) override {
    return Launch("GatedProduct", [&] { return products_->RunGated(norm, x, product); });
  }
  Status RopeAndStore(const GpuRopeAndStore& work, const GpuSequences& sequences,
                      const GpuKvLayer& layer) override {
    return Launch("RopeAndStore",
                  [&] { return cuda::LaunchRopeAndStore(work, sequences, layer, stream_); });
  }
  Status Attention(GpuMatrix queries, const GpuSequences& sequences, const GpuKvLayer& layer,
                   const AttentionParams& params, GpuMatrix out) override;
  Status AttentionPacked(const GpuPackedAttention& work) override {
    return Launch("AttentionPacked", [&] { return cuda::LaunchAttentionPacked(work, stream_); });
  }
  Status GatherRows(GpuMatrix x, const int32_t* rows, GpuMatrix out) override {
    return Launch("GatherRows", [&] { return cuda::LaunchGatherRows(x, rows, out, stream_); });
  }
  Status Pool(GpuMatrix x, const int32_t* begins, const int32_t* ends, bool mean, bool normalise,
              GpuMatrix out) override {
    return Launch("Pool",
                  [&] { return cuda::LaunchPool(x, begins, ends, mean, normalise, out, stream_); });
  }
  Status Tanh(GpuMatrix x) override {
    return Launch("Tanh", [&] { return cuda::LaunchTanh(x, stream_); });
  }
  Status Softcap(GpuMatrix x, float cap) override {
    return Launch("Softcap", [&] { return cuda::LaunchSoftcap(x, cap, stream_); });
  }
  Status AddScaled(GpuMatrix y, float scale, GpuMatrix x) override {
    return Launch("AddScaled", [&] { return cuda::LaunchAddScaled(y, scale, x, stream_); });
  }
  Status ArgMax(GpuMatrix logits, const uint32_t* allowed, int32_t* ids) override;
  Status TopK(GpuMatrix logits, int64_t k, float* values, int32_t* ids) override;
  Status CopyPage(const GpuKvLayer& layer, int32_t from, int32_t to) override {
    return Launch("CopyPage", [&] { return cuda::LaunchCopyPage(layer, from, to, stream_); });
  }
  StatusOr<Ceilings> MeasureCeilings() override {
    FOOTNOTE_RETURN_IF_ERROR(Use());
    return cuda::Measure(*products_, stream_);
  }

 private:
  // The caller's thread uses this device now; the error of a device that has failed.
  Status Use() {
    FOOTNOTE_RETURN_IF_ERROR(failed_);
    return StatusOf(cudaSetDevice(info_.index), "the GPU");
  }
  // An INTERNAL error stays: CUDA gives no valid results after one.
  template <typename Work>
  Status Run(const Work& work) {
    FOOTNOTE_RETURN_IF_ERROR(Use());
    Status status = work();
    if (status.code() == StatusCode::kInternal) {
      failed_ = status.WithContext(info_.name);
      return failed_;
    }
    return status;
  }
  template <typename Work>
  Status Launch(const char* what, const Work& work) {
    return Run([&] { return StatusOf(work(), what); });
  }

  int Embed(const GpuWeight& table, const int32_t* ids, float scale, bool add, GpuMatrix out) {
    if (BlockElements(table.dtype) == 1) {
      return cuda::LaunchEmbedPlain(table, ids, scale, add, out, stream_);
    }
    return cuda::LaunchDequantizeRows(table, ids, out.rows, scale, add, out, stream_);
  }

  // Memory between the kernels of one operation; kept when it grows, since graphs may use it.
  StatusOr<void*> Scratch(size_t bytes);

  const GpuInfo info_;
  Status failed_;
  cudaStream_t stream_ = nullptr;
  bool capturing_ = false;
  std::unique_ptr<cuda::Staging> staging_;
  std::unique_ptr<cuda::Products> products_;
  std::unique_ptr<cuda::Uploader> uploader_;  // made when first needed
  std::vector<cudaGraphExec_t> graphs_;
  std::vector<void*> scratch_;  // the last is in use
  size_t scratch_bytes_ = 0;
  unsigned* attention_counters_ = nullptr;
};

CudaGpu::~CudaGpu() {
  if (cudaSetDevice(info_.index) != cudaSuccess || stream_ == nullptr) return;
  cudaStreamSynchronize(stream_);
  for (cudaGraphExec_t graph : graphs_) cudaGraphExecDestroy(graph);
  for (void* memory : scratch_) cudaFree(memory);
  cudaFree(attention_counters_);
  uploader_ = nullptr;
  products_ = nullptr;
  staging_ = nullptr;
  cudaStreamDestroy(stream_);
}

Status CudaGpu::Open() {
  FOOTNOTE_RETURN_IF_ERROR(Use());
  FOOTNOTE_RETURN_IF_ERROR(
      StatusOf(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "a stream"));
  constexpr size_t kCounterBytes = cuda::kAttentionCounters * sizeof(unsigned);
  FOOTNOTE_ASSIGN_OR_RETURN(void* counters, Allocate(kCounterBytes));
  attention_counters_ = static_cast<unsigned*>(counters);
  FOOTNOTE_RETURN_IF_ERROR(StatusOf(cudaMemsetAsync(attention_counters_, 0, kCounterBytes, stream_),
                                    "the GPU's counters"));
  staging_ = std::make_unique<cuda::Staging>(stream_);
  return StatusOf(cuda::Products::Create(stream_, {}, &products_), "the GPU's products");
}

StatusOr<int64_t> CudaGpu::FreeBytes() {
  FOOTNOTE_RETURN_IF_ERROR(Use());
  size_t free = 0, total = 0;
  FOOTNOTE_RETURN_IF_ERROR(StatusOf(cudaMemGetInfo(&free, &total), "the GPU's free memory"));
  return static_cast<int64_t>(free);
}

StatusOr<void*> CudaGpu::Allocate(size_t bytes) {
  FOOTNOTE_RETURN_IF_ERROR(Use());
  if (capturing_) return InternalError("memory was allocated within a capture");
  void* memory = nullptr;
  const cudaError_t error = cudaMalloc(&memory, bytes);
  if (error == cudaErrorMemoryAllocation) {
    cudaGetLastError();  // it is no fault of the device
    const StatusOr<int64_t> free = FreeBytes();
    return ResourceExhaustedError(
        info_.name + " has too little memory: " + std::to_string(bytes) + " bytes were wanted, " +
        (free.ok() ? std::to_string(*free) : std::string("an unknown number")) + " of " +
        std::to_string(info_.memory_bytes) +
        " are free; use fewer --gpu-layers, a smaller kv_cache_mib, or --device cpu");
  }
  FOOTNOTE_RETURN_IF_ERROR(StatusOf(error, "memory of the GPU"));
  return memory;
}

void CudaGpu::Free(void* memory) {
  if (cudaSetDevice(info_.index) == cudaSuccess) cudaFree(memory);
}

StatusOr<int> CudaGpu::Capture(const std::function<Status()>& body) {
  FOOTNOTE_RETURN_IF_ERROR(Launch("a capture", [&] {
    return static_cast<int>(cudaStreamBeginCapture(stream_, cudaStreamCaptureModeThreadLocal));
  }));
  capturing_ = true;
  Status status = body();
  capturing_ = false;
  cudaGraph_t graph = nullptr;
  // Ends the capture whatever happened, so that the stream works on.
  const int ended = cudaStreamEndCapture(stream_, &graph);
  if (status.ok()) status = StatusOf(ended, "a capture");
  cudaGraphExec_t runnable = nullptr;
  if (status.ok()) status = StatusOf(cudaGraphInstantiate(&runnable, graph, 0), "a graph");
  if (graph != nullptr) cudaGraphDestroy(graph);
  FOOTNOTE_RETURN_IF_ERROR(status);
  graphs_.push_back(runnable);
  return static_cast<int>(graphs_.size()) - 1;
}

StatusOr<GpuWeight> CudaGpu::Upload(std::span<const Weight> parts, DType plain) {
  FOOTNOTE_RETURN_IF_ERROR(Use());
  const bool keep_quantised = plain != DType::kF32;
  const GpuWeight shape = cuda::UploadedShape(parts, plain, keep_quantised);
  if (shape.rows == 0) {
    return InvalidArgumentError("the parts of a weight differ in their columns");
  }
  if (uploader_ == nullptr) {
    FOOTNOTE_RETURN_IF_ERROR(
        StatusOf(cuda::Uploader::Create(stream_, kUploadPieceBytes, &uploader_), "uploads"));
  }
  FOOTNOTE_ASSIGN_OR_RETURN(void* memory,
                            Allocate(static_cast<size_t>(cuda::UploadedBytes(shape))));
  GpuWeight weight;
  const Status status = Launch("an upload", [&] {
    return uploader_->Upload(parts, plain, keep_quantised, memory, &weight);
  });
  if (!status.ok()) {
    Free(memory);
    return status;
  }
  return weight;
}

StatusOr<void*> CudaGpu::Scratch(size_t bytes) {
  if (bytes > scratch_bytes_) {
    const size_t wanted = std::max(bytes, scratch_bytes_ + scratch_bytes_ / 2);
    FOOTNOTE_ASSIGN_OR_RETURN(void* memory, Allocate(wanted));
    scratch_.push_back(memory);
    scratch_bytes_ = wanted;
  }
  return scratch_.empty() ? nullptr : scratch_.back();
}

Status CudaGpu::Attention(GpuMatrix queries, const GpuSequences& sequences, const GpuKvLayer& layer,
                          const AttentionParams& params, GpuMatrix out) {
  FOOTNOTE_RETURN_IF_ERROR(Use());
  const int64_t heads = queries.columns / layer.head_width;
  FOOTNOTE_ASSIGN_OR_RETURN(void* scratch,
                            Scratch(cuda::AttentionScratchBytes(heads, sequences, layer, params)));
  return Launch("Attention", [&] {
    return cuda::LaunchAttention(queries, sequences, layer, params, out, scratch,
                                 attention_counters_, stream_);
  });
}

Status CudaGpu::ArgMax(GpuMatrix logits, const uint32_t* allowed, int32_t* ids) {
  FOOTNOTE_RETURN_IF_ERROR(Use());
  FOOTNOTE_ASSIGN_OR_RETURN(void* scratch,
                            Scratch(cuda::SelectScratchBytes(logits.rows, logits.columns)));
  return Launch("ArgMax",
                [&] { return cuda::LaunchArgMax(logits, allowed, ids, scratch, stream_); });
}

Status CudaGpu::TopK(GpuMatrix logits, int64_t k, float* values, int32_t* ids) {
  FOOTNOTE_RETURN_IF_ERROR(Use());
  FOOTNOTE_ASSIGN_OR_RETURN(void* scratch,
                            Scratch(cuda::SelectScratchBytes(logits.rows, logits.columns)));
  return Launch("TopK", [&] { return cuda::LaunchTopK(logits, k, values, ids, scratch, stream_); });
}

}  // namespace

StatusOr<std::unique_ptr<Gpu>> OpenGpu(int index) {
  const GpuReport report = FindGpus();
  if (report.gpus.empty()) return FailedPreconditionError(report.note);
  if (index < 0 || index >= static_cast<int>(report.gpus.size())) {
    return FailedPreconditionError("there is no GPU " + std::to_string(index) +
                                   "; this machine has " + std::to_string(report.gpus.size()) +
                                   " (footnote model devices)");
  }
  const GpuInfo& info = report.gpus[static_cast<size_t>(index)];
  if (!info.usable) return FailedPreconditionError(info.name + ": " + info.why_not);
  auto gpu = std::make_unique<CudaGpu>(info);
  FOOTNOTE_RETURN_IF_ERROR(gpu->Open());
  return std::unique_ptr<Gpu>(std::move(gpu));
}

}  // namespace footnote::kernels
