// How fast CUDA products are: microseconds, bytes of weights a second, and their share of what a
// kernel reaches that only reads; for prompts, operations a second.
//
// usage: gpu_products [FORMAT…]    default: BF16 Q8_0 Q4_0 Q4_K Q6_K
// Each line is one captured graph of products over copies of the matrix that together do not fit in
// the second-level cache, replayed; the best of five.
#include <cuda_runtime.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "kernels/cuda/products.h"
#include "kernels/cuda/upload.h"

namespace footnote::kernels {
namespace {

void Try(int error, const char* what) {
  if (error == 0) return;
  std::fprintf(stderr, "%s: %s\n", what, cudaGetErrorString(static_cast<cudaError_t>(error)));
  std::exit(1);
}

__global__ void ReadKernel(const uint4* from, int64_t count, uint32_t* out) {
  uint32_t sum = 0;
  const int64_t step = static_cast<int64_t>(gridDim.x) * blockDim.x;
  for (int64_t i = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < count;
       i += 4 * step) {
    uint4 v[4] = {};
#pragma unroll
    for (int j = 0; j < 4; ++j) {
      if (i + j * step < count) v[j] = __ldcs(from + i + j * step);
    }
#pragma unroll
    for (int j = 0; j < 4; ++j) sum ^= v[j].x ^ v[j].y ^ v[j].z ^ v[j].w;
  }
  if (sum == 12345) *out = sum;
}

// Numbers of the size that weights have, whatever the format: 0x14 bytes are small halves.
__global__ void FillKernel(uint32_t* to, int64_t count) {
  const int64_t i = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i < count) to[i] = 0x14141414u ^ (static_cast<uint32_t>(i) * 2654435761u & 0x03030303u);
}

void* Filled(int64_t bytes) {
  void* memory = nullptr;
  Try(cudaMalloc(&memory, static_cast<size_t>(bytes)), "cudaMalloc");
  const int64_t count = bytes / 4;
  FillKernel<<<static_cast<unsigned>((count + 255) / 256), 256>>>(static_cast<uint32_t*>(memory),
                                                                  count);
  Try(cudaDeviceSynchronize(), "fill");
  return memory;
}

// Best seconds of five replays of what `body` enqueues; it runs plainly once before.
template <typename Body>
double Seconds(cudaStream_t stream, const Body& body) {
  body();
  Try(cudaStreamSynchronize(stream), "plain run");
  cudaGraph_t graph = nullptr;
  cudaGraphExec_t replay = nullptr;
  Try(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal), "capture");
  body();
  Try(cudaStreamEndCapture(stream, &graph), "end of capture");
  Try(cudaGraphInstantiate(&replay, graph, 0), "instantiate");
  cudaEvent_t begin, end;
  Try(cudaEventCreate(&begin), "event");
  Try(cudaEventCreate(&end), "event");
  float best = 1e9f;
  for (int i = 0; i < 6; ++i) {
    Try(cudaEventRecord(begin, stream), "record");
    Try(cudaGraphLaunch(replay, stream), "replay");
    Try(cudaEventRecord(end, stream), "record");
    Try(cudaEventSynchronize(end), "replay");
    float milliseconds = 0;
    Try(cudaEventElapsedTime(&milliseconds, begin, end), "elapsed");
    if (i > 0) best = std::min(best, milliseconds);
  }
  cudaEventDestroy(begin);
  cudaEventDestroy(end);
  cudaGraphExecDestroy(replay);
  cudaGraphDestroy(graph);
  return static_cast<double>(best) / 1e3;
}

struct Shape {
  int64_t rows, columns;
};

class Bench {
 public:
  Bench() {
    Try(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "stream");
    x_ = Filled(kMostTokens * 16384 * 4);
    norm_ = Filled(16384 * 4);
    out_ = Filled(kMostTokens * 32768 * 4);
    // One buffer for all matrices; more than twice any cache.
    weights_ = static_cast<uint8_t*>(Filled(kWeightBytes));
  }

  void Ceiling() {
    uint32_t* sink = static_cast<uint32_t*>(out_);
    const double seconds = Seconds(stream_, [&] {
      ReadKernel<<<132 * 16, 512, 0, stream_>>>(reinterpret_cast<const uint4*>(weights_),
                                                kWeightBytes / 16, sink);
    });
    ceiling_ = static_cast<double>(kWeightBytes) / seconds;
    std::printf("a kernel that only reads: %.0f GB/s\n", ceiling_ / 1e9);
    std::printf("%-5s %-12s %4s %-22s %9s %8s %6s %8s\n", "type", "N x K", "T", "variant", "us",
                "GB/s", "share", "TFLOP/s");
  }

  void Product(DType dtype, Shape shape, int64_t tokens, bool gated, bool norm,
               const cuda::ProductOptions& options, const std::string& variant) {
    std::unique_ptr<cuda::Products> products;
    Try(cuda::Products::Create(stream_, options, &products), "Create");
    GpuWeight w = {dtype, nullptr, shape.rows, shape.columns};
    const int64_t bytes = cuda::UploadedBytes(w) * (gated ? 2 : 1);
    const int64_t copies = std::max<int64_t>(1, std::min<int64_t>(kWeightBytes / bytes, 64));
    GpuNorm of_x;
    of_x.weight = static_cast<const float*>(norm_);
    of_x.eps = 1e-5f;
    const DType out_type = gated ? DType::kF16 : DType::kF32;
    const double seconds =
        Seconds(stream_,
                [&] {
                  for (int64_t i = 0; i < copies; ++i) {
                    w.data = weights_ + i * bytes;
                    const GpuMatrix x = GpuMatrix::Of(x_, DType::kF32, tokens, shape.columns);
                    const GpuMatrix out = GpuMatrix::Of(out_, out_type, tokens, shape.rows);
                    if (gated) {
                      GpuGatedProduct p;
                      p.gate = p.up = w;
                      p.up.data = static_cast<const uint8_t*>(w.data) + bytes / 2;
                      p.out = out;
                      Try(products->RunGated(norm ? &of_x : nullptr, x, p), "RunGated");
                    } else {
                      GpuProduct p;
                      p.w = w;
                      p.out = out;
                      Try(products->Run(norm ? &of_x : nullptr, x, std::span(&p, 1)), "Run");
                    }
                  }
                }) /
        static_cast<double>(copies);
    const double rate = static_cast<double>(bytes) / seconds;
    const double operations = 2.0 * static_cast<double>(shape.rows * (gated ? 2 : 1)) *
                              static_cast<double>(shape.columns * tokens) / seconds;
    std::printf("%-5s %5ldx%-6ld %4ld %-22s %9.2f %8.0f %5.1f%% %8.1f\n",
                std::string(DTypeName(dtype)).c_str(), static_cast<long>(shape.rows),
                static_cast<long>(shape.columns), static_cast<long>(tokens),
                (variant + (gated ? " gated" : "") + (norm ? " norm" : "")).c_str(), seconds * 1e6,
                rate / 1e9, 100 * rate / ceiling_, operations / 1e12);
    std::fflush(stdout);
  }

  // Queries, keys and values of a layer whose values have a format of their own, after a norm: in
  // one call, or in two.
  void Mixed(DType first, Shape shape, DType second, Shape other, bool together) {
    std::unique_ptr<cuda::Products> products;
    Try(cuda::Products::Create(stream_, {}, &products), "Create");
    GpuProduct p[2];
    p[0].w = {first, nullptr, shape.rows, shape.columns};
    p[1].w = {second, nullptr, other.rows, other.columns};
    p[0].out = GpuMatrix::Of(out_, DType::kF32, 1, shape.rows);
    p[1].out = GpuMatrix::Of(static_cast<float*>(out_) + shape.rows, DType::kF32, 1, other.rows);
    const int64_t bytes[2] = {cuda::UploadedBytes(p[0].w), cuda::UploadedBytes(p[1].w)};
    const int64_t copies = std::min<int64_t>(kWeightBytes / (bytes[0] + bytes[1]), 64);
    const GpuMatrix x = GpuMatrix::Of(x_, DType::kF32, 1, shape.columns);
    GpuNorm norm;
    norm.weight = static_cast<const float*>(norm_);
    norm.eps = 1e-5f;
    const auto body = [&] {
      for (int64_t i = 0; i < copies; ++i) {
        p[0].w.data = weights_ + i * (bytes[0] + bytes[1]);
        p[1].w.data = weights_ + i * (bytes[0] + bytes[1]) + bytes[0];
        if (together) {
          Try(products->Run(&norm, x, p), "Run");
        } else {
          for (const GpuProduct& each : p) {
            Try(products->Run(&norm, x, std::span(&each, 1)), "Run");
          }
        }
      }
    };
    const double seconds = Seconds(stream_, body) / static_cast<double>(copies);
    const double rate = static_cast<double>(bytes[0] + bytes[1]) / seconds;
    std::printf("%s %ldx%ld and %s %ldx%ld, norm, in %s: %.2f us %.0f GB/s %.1f%%\n",
                std::string(DTypeName(first)).c_str(), static_cast<long>(shape.rows),
                static_cast<long>(shape.columns), std::string(DTypeName(second)).c_str(),
                static_cast<long>(other.rows), static_cast<long>(other.columns),
                together ? "one" : "two", seconds * 1e6, rate / 1e9, 100 * rate / ceiling_);
    std::fflush(stdout);
  }

  void Format(DType dtype) {
    const cuda::ProductOptions plain;
    const Shape shapes[] = {{4096, 4096},  {14336, 4096}, {4096, 14336}, {4096, 11008},
                            {32000, 4096}, {2048, 2048},  {768, 768}};
    for (const Shape& shape : shapes) {
      for (const int blocks : {1, 2}) {
        for (const int kib : {-1, 48, 96, 192}) {
          cuda::ProductOptions options;
          options.gemv_blocks = blocks;
          options.gemv_prefetch_kib = kib;
          Product(dtype, shape, 1, false, false, options,
                  "blocks " + std::to_string(blocks) + " ahead " + std::to_string(kib));
        }
      }
      for (const int rows : {1, 2}) {
        cuda::ProductOptions options;
        options.gemv_rows = rows;
        Product(dtype, shape, 1, false, false, options, "rows " + std::to_string(rows));
      }
    }
    for (const int blocks : {1, 2}) {
      cuda::ProductOptions options;
      options.gemv_blocks = blocks;
      Product(dtype, {11008, 4096}, 1, true, true, options, "blocks " + std::to_string(blocks));
      Product(dtype, {8192, 4096}, 1, false, true, options, "blocks " + std::to_string(blocks));
    }
    if (dtype == DType::kQ4_K) {
      for (const bool together : {false, true}) {
        Mixed(dtype, {8192, 4096}, DType::kQ6_K, {4096, 4096}, together);
        Mixed(dtype, {5120, 4096}, DType::kQ6_K, {1024, 4096}, together);
      }
    }
    cuda::ProductOptions apart;
    apart.overlap = false;
    Product(dtype, {4096, 4096}, 1, false, true, plain, "");
    Product(dtype, {4096, 4096}, 1, false, true, apart, "no overlap");
    Product(dtype, {14336, 4096}, 1, true, true, plain, "");
    for (const int64_t tokens : {2, 4, 5, 8, 16, 32, 64, 128, 256, 512}) {
      Product(dtype, {4096, 4096}, tokens, false, false, plain, "");
      Product(dtype, {14336, 4096}, tokens, false, false, plain, "");
    }
    cuda::ProductOptions own;  // the tensor cores' kernel against the others
    own.use_cublas_lt = false;
    own.most_gemv_quantised = own.most_gemv_plain = 0;
    for (const int64_t tokens : {1, 2, 4, 8, 16, 64, 256}) {
      if (dtype != DType::kF32) Product(dtype, {4096, 4096}, tokens, false, false, own, "own mma");
    }
    cuda::ProductOptions library;
    library.most_mma = library.most_gemv_quantised = library.most_gemv_plain = 0;
    for (const int64_t tokens : {8, 64, 128, 512}) {
      Product(dtype, {14336, 4096}, tokens, false, false, library, "cuBLASLt");
    }
  }

 private:
  static constexpr int64_t kMostTokens = 512;
  static constexpr int64_t kWeightBytes = int64_t{1} << 30;
  cudaStream_t stream_ = nullptr;
  void* x_ = nullptr;
  void* norm_ = nullptr;
  void* out_ = nullptr;
  uint8_t* weights_ = nullptr;
  double ceiling_ = 1;
};

int Main(int count, char** names) {
  std::vector<std::string> wanted(names + 1, names + count);
  if (wanted.empty()) wanted = {"BF16", "Q8_0", "Q4_0", "Q4_K", "Q6_K"};
  Bench bench;
  bench.Ceiling();
  for (const std::string& name : wanted) {
    bool known = false;
    for (int number = 0; number < 64 && !known; ++number) {
      const std::optional<DType> dtype = DTypeFromGguf(static_cast<uint32_t>(number));
      if (!dtype || DTypeName(*dtype) != name) continue;
      known = true;
      bench.Format(*dtype);
    }
    if (!known) std::fprintf(stderr, "unknown format %s\n", name.c_str());
  }
  return 0;
}

}  // namespace
}  // namespace footnote::kernels

int main(int count, char** names) { return footnote::kernels::Main(count, names); }
