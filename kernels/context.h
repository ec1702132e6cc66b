// What operations run with: instruction set, threads, precision, scratch memory.
//
// One Context per stream of work (one model runner has one). Several may share a ThreadPool.
// Threads: calls may run concurrently on different contexts, never on the same one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/status.h"
#include "common/thread_pool.h"

namespace footnote::kernels {

// CPU instruction sets with kernels of their own, each including the ones before it. Results are
// the same bit for bit on one instruction set, whatever the batch or the number of threads; between
// two sets they differ by rounding.
enum class Isa { kPlain, kAvx2, kAvx512, kAvx512Vnni, kAvx512Bf16 };

// "plain", "avx2", "avx512", "avx512vnni", "avx512bf16".
std::string_view IsaName(Isa isa);

// The instruction sets that this CPU and operating system support, best last. Never empty.
std::vector<Isa> SupportedIsas();

// The best supported one, or the one that the environment variable FOOTNOTE_ISA names.
// Errors: INVALID_ARGUMENT for an unknown name, FAILED_PRECONDITION for one this CPU lacks.
StatusOr<Isa> DefaultIsa();

// exact: dequantised weights, activations and KV cache in float32. fast: 8-bit activations where
// the weights are quantised, bfloat16 ones where they are BF16, KV cache in float16. int8, bf16: as
// fast, and plain (float) weights are rounded to Q8_0, or to BF16, when a model is loaded.
enum class Precision { kFast, kExact, kInt8, kBf16 };

// "fast", "exact", "int8", "bf16".
std::string_view PrecisionName(Precision precision);

// All of them.
std::vector<std::string> PrecisionNames();

// Errors: INVALID_ARGUMENT names the choices.
StatusOr<Precision> PrecisionFromName(std::string_view name);

struct CpuKernels;  // table of raw-pointer functions of one instruction set;
                    // kernels/cpu/kernel_table.h
class RopeCache;    // kernels/cpu/rope_cache.h

class Context {
 public:
  // pool: null runs on the calling thread only; outlives the context. Errors: FAILED_PRECONDITION
  // when this CPU lacks `isa`.
  static StatusOr<std::unique_ptr<Context>> Create(ThreadPool* pool, Isa isa, Precision precision);
  ~Context();

  Isa isa() const { return isa_; }
  Precision precision() const { return precision_; }
  const CpuKernels& kernels() const { return *kernels_; }
  int threads() const { return pool_ == nullptr ? 1 : pool_->threads(); }

  // Runs body over [0, count) in parts; see ThreadPool::ParallelFor.
  void ParallelFor(int64_t count, int64_t grain, const std::function<void(int64_t, int64_t)>& body);

  // Scratch of at least `bytes`, 64-byte aligned, valid until the next call with the same slot.
  // Slots (0…3) let an operation hold several. Memory is kept for the next call.
  void* Scratch(int slot, size_t bytes);

  // Rotations of the last Rope calls, shared by the layers of a model.
  RopeCache& rope_cache() { return *rope_cache_; }

 private:
  Context(ThreadPool* pool, Isa isa, Precision precision, const CpuKernels* kernels);

  ThreadPool* pool_;
  Isa isa_;
  Precision precision_;
  const CpuKernels* kernels_;
  static constexpr int kScratchSlots = 4;
  struct AlignedBuffer {
    void* data = nullptr;
    size_t bytes = 0;
  };
  AlignedBuffer scratch_[kScratchSlots];
  std::unique_ptr<RopeCache> rope_cache_;
};

}  // namespace footnote::kernels
