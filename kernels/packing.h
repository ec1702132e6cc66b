// Weights laid out for products on this CPU, once, when a model is loaded.
//
// A packed matrix holds its rows in panels (kernels/cpu/kernel_table.h), as large as they were.
// MatMul gives the same bits with it as without, where it packs again on every call.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <vector>

#include "common/status.h"
#include "common/thread_pool.h"
#include "kernels/context.h"
#include "kernels/dtype.h"
#include "kernels/tensor.h"

namespace footnote::kernels {

// Where bytes lie that PackedWeights::MoveToMemory moves while products read them: what was loaded
// once stays readable.
class MovingPointer {
 public:
  MovingPointer() = default;
  MovingPointer(const MovingPointer& other) : at_(other.load()) {}
  MovingPointer& operator=(const MovingPointer& other) {
    store(other.load());
    return *this;
  }
  const uint8_t* load() const { return at_.load(std::memory_order_acquire); }
  void store(const uint8_t* at) { at_.store(at, std::memory_order_release); }

 private:
  std::atomic<const uint8_t*> at_ = nullptr;
};

// One packed matrix. Belongs to the PackedWeights that made it.
struct PackedWeight {
  DType dtype = DType::kF32;  // what is multiplied; another than the weight's when it was converted
  bool by_groups = false;     // PlainWeights::kGroups; dtype says nothing then
  const float* factors = nullptr;  // [columns], of x before it is rounded by groups; null: none
  Isa isa = Isa::kPlain;
  MovingPointer codes;    // 64-byte aligned
  MovingPointer numbers;  // 64-byte aligned
};

// Plain (float) weights stay as they are, or are rounded to what multiplies faster: Q8_0, BF16, or
// 8 bits with a step for 128 columns, of x too (the fastest; meant for encoders, whose vectors are
// as good as with Q8_0 where Weight::column_spread is known).
enum class PlainWeights { kAsStored, kQ8_0, kBf16, kGroups };

// Memory for packed weights, 64-byte aligned, for as long as `owner` lives. packed: they lie there
// already, left by an earlier call with the same weights. in_file: pages of a file, small ones.
struct PackedMemory {
  uint8_t* data = nullptr;
  std::shared_ptr<void> owner;
  bool packed = false;
  bool in_file = false;
};
using PackedAllocator = std::function<StatusOr<PackedMemory>(size_t bytes)>;

// Told of some megabytes of a weight's rows, once they are packed: nothing here reads them again.
// Threads: called by those of the pool, several at a time.
using PackedReader = std::function<void(std::span<const std::byte> rows)>;

// Fresh memory of the process. Errors: RESOURCE_EXHAUSTED.
StatusOr<PackedMemory> AllocatePackedMemory(size_t bytes);

class PackedWeights {
 public:
  // Packs each of `weights` and points its `packed` at the result. Rows must be whole blocks.
  // pool: null packs on the calling thread. done: may be empty. Errors: INVALID_ARGUMENT for a
  // weight without data or with broken rows, or whose columns cannot be rounded so; those of
  // `allocate`; then no weight was changed.
  static StatusOr<std::unique_ptr<PackedWeights>> Pack(
      std::span<Weight* const> weights, Isa isa, PlainWeights plain, ThreadPool* pool,
      const PackedAllocator& allocate = AllocatePackedMemory, const PackedReader& done = {});

  int64_t bytes() const { return static_cast<int64_t>(bytes_); }
  bool in_file() const { return memory_.in_file; }

  // What lies in a file's pages moves to the process's own memory, whose large pages are read
  // faster, piece by piece: the file's leave this process as the others come. Products may run
  // meanwhile; `stop` is asked now and then. Errors: RESOURCE_EXHAUSTED, and then all stays where
  // it was. Threads: one caller.
  Status MoveToMemory(const std::function<bool()>& stop);

 private:
  PackedWeights() = default;

  PackedMemory memory_;
  PackedMemory moved_;
  size_t bytes_ = 0;
  std::vector<PackedWeight> matrices_;
  std::map<const float*, std::vector<float>> factors_;  // by Weight::column_spread
};

}  // namespace footnote::kernels
