// PackedWeights: products with packed weights are those without, bit for bit.
#include "kernels/packing.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <limits>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

#include "kernels/ops.h"
#include "tests/kernels/testing.h"

namespace footnote::kernels {
namespace {

using testing::EveryIsa;
using testing::OwnedWeight;
using testing::PaddedMatrix;
using testing::RandomFloats;

class PackingTest : public EveryIsa {
 protected:
  std::vector<float> Product(Context& ctx, const Weight& w, int64_t tokens) {
    PaddedMatrix x(tokens, w.columns), out(tokens, w.rows);
    x.Fill(RandomFloats(static_cast<size_t>(tokens * w.columns), 11));
    const std::vector<float> bias = RandomFloats(static_cast<size_t>(w.rows), 12);
    EXPECT_OK(MatMul(ctx, x.view(), w, bias, out.view()));
    EXPECT_TRUE(out.Intact());
    return out.Values();
  }
};

TEST_P(PackingTest, PackedWeightsGiveTheSameBits) {
  ThreadPool pool(2);
  for (const Precision precision : {Precision::kFast, Precision::kExact}) {
    auto ctx = Make(precision, &pool);
    for (const DType dtype : testing::AllFormats()) {
      SCOPED_TRACE(std::string(DTypeName(dtype)) + " " + std::string(PrecisionName(precision)));
      for (const int64_t rows : {1, 16, 45, 64}) {
        const OwnedWeight w(dtype, rows, 512, 3);
        Weight packed = w.weight;
        Weight* const list[] = {&packed};
        const auto weights = PackedWeights::Pack(list, GetParam(), PlainWeights::kAsStored, &pool);
        ASSERT_OK(weights);
        ASSERT_NE(packed.packed, nullptr);
        for (const int64_t tokens : {1, 2, 5, 7, 8, 12, 13, 40}) {
          EXPECT_TRUE(
              testing::SameBits(Product(*ctx, w.weight, tokens), Product(*ctx, packed, tokens)))
              << rows << " rows, " << tokens << " tokens";
        }
      }
    }
  }
}

// Whole panels of K formats grow by the padding of their scales to bytes (most Q3_K, 4 in 110); the
// others by nothing.
TEST_P(PackingTest, AreAsLargeAsTheyWere) {
  for (const DType dtype : testing::AllFormats()) {
    const OwnedWeight w(dtype, 64, 512, 3);
    Weight packed = w.weight;
    Weight* const list[] = {&packed};
    const auto weights = PackedWeights::Pack(list, GetParam(), PlainWeights::kAsStored, nullptr);
    ASSERT_OK(weights);
    const auto size = static_cast<double>(w.bytes.size());
    EXPECT_LE(static_cast<double>((*weights)->bytes()), size * 1.037 + 192) << DTypeName(dtype);
  }
}

// What was packed may leave memory at once: every row is told of once, and not before.
TEST_P(PackingTest, TellsOfEachRowOnceItIsPacked) {
  ThreadPool two(2);
  const OwnedWeight large(DType::kQ8_0, 3001, 4096, 3), small(DType::kF32, 7, 512, 4);
  for (ThreadPool* const pool : {&two, static_cast<ThreadPool*>(nullptr)}) {
    Weight first = large.weight, second = small.weight;
    Weight* const list[] = {&first, &second};
    std::mutex mutex;
    std::map<const std::byte*, size_t> told;
    uint8_t* packed = nullptr;
    const auto allocate = [&](size_t bytes) {
      auto memory = AllocatePackedMemory(bytes);
      packed = memory->data;
      return memory;
    };
    const auto done = [&](std::span<const std::byte> rows) {
      std::lock_guard lock(mutex);
      EXPECT_TRUE(told.emplace(rows.data(), rows.size()).second);
      EXPECT_LE(rows.size(), 6u << 20) << "told late";
      if (rows.data() == large.bytes.data()) {
        EXPECT_NE(*reinterpret_cast<uint32_t*>(packed), 0u) << "told early";
      }
    };
    ASSERT_OK(PackedWeights::Pack(list, GetParam(), PlainWeights::kAsStored, pool, allocate, done));
    EXPECT_GT(told.size(), 2u);
    for (const OwnedWeight* w : {&large, &small}) {
      const std::byte* at = w->bytes.data();
      while (told.contains(at)) at += told[at];
      EXPECT_EQ(at - w->bytes.data(), static_cast<ptrdiff_t>(w->bytes.size()));
    }
  }
}

// Pages of a file: what a packed cache gives.
StatusOr<PackedMemory> AllocateInFile(size_t bytes) {
  const int file = memfd_create("packed", 0);
  if (file < 0 || ftruncate(file, static_cast<off_t>(bytes)) != 0) return InternalError("memfd");
  void* data = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  close(file);
  return PackedMemory{static_cast<uint8_t*>(data),
                      std::shared_ptr<void>(data, [bytes](void* p) { munmap(p, bytes); }), false,
                      true};
}

TEST_P(PackingTest, MovingToMemoryChangesNoProductWhileItGoesOn) {
  auto ctx = Make(Precision::kFast);
  std::vector<OwnedWeight> owned;
  for (uint32_t i = 0; i < 20; ++i) owned.emplace_back(DType::kQ8_0, 500, 1024, i);
  std::vector<Weight> weights;
  for (const OwnedWeight& w : owned) weights.push_back(w.weight);
  std::vector<Weight*> list;
  for (Weight& w : weights) list.push_back(&w);
  ASSERT_OK_AND_ASSIGN(
      const auto packed,
      PackedWeights::Pack(list, GetParam(), PlainWeights::kAsStored, nullptr, AllocateInFile));
  ASSERT_TRUE(packed->in_file());
  std::vector<std::vector<float>> wanted;
  std::vector<const uint8_t*> before;
  for (const Weight& w : weights) {
    wanted.push_back(Product(*ctx, w, 1));
    before.push_back(w.packed->codes.load());
  }
  std::thread mover([&] { EXPECT_OK(packed->MoveToMemory([] { return false; })); });
  for (size_t i = 0; i < weights.size(); ++i) {
    EXPECT_TRUE(testing::SameBits(Product(*ctx, weights[i], 1), wanted[i]));
  }
  mover.join();
  for (size_t i = 0; i < weights.size(); ++i) {
    EXPECT_NE(weights[i].packed->codes.load(), before[i]) << "matrix " << i << " stayed";
    EXPECT_TRUE(testing::SameBits(Product(*ctx, weights[i], 1), wanted[i]));
  }
}

TEST_P(PackingTest, AMoveThatIsStoppedLeavesEverythingUsable) {
  auto ctx = Make(Precision::kFast);
  std::vector<OwnedWeight> owned;
  for (uint32_t i = 0; i < 20; ++i) owned.emplace_back(DType::kQ8_0, 500, 1024, i);
  std::vector<Weight> weights;
  for (const OwnedWeight& w : owned) weights.push_back(w.weight);
  std::vector<Weight*> list;
  for (Weight& w : weights) list.push_back(&w);
  ASSERT_OK_AND_ASSIGN(
      const auto packed,
      PackedWeights::Pack(list, GetParam(), PlainWeights::kAsStored, nullptr, AllocateInFile));
  std::vector<std::vector<float>> wanted;
  for (const Weight& w : weights) wanted.push_back(Product(*ctx, w, 1));
  int asked = 0;
  ASSERT_OK(packed->MoveToMemory([&] { return ++asked > 2; }));
  for (size_t i = 0; i < weights.size(); ++i) {
    EXPECT_TRUE(testing::SameBits(Product(*ctx, weights[i], 1), wanted[i]));
  }
}

TEST_P(PackingTest, PlainWeightsRoundToTheirQ8OrBf16Form) {
  auto ctx = Make(Precision::kFast);
  for (const auto& [plain_weights, to] : {std::pair(PlainWeights::kQ8_0, DType::kQ8_0),
                                          std::pair(PlainWeights::kBf16, DType::kBF16)}) {
    for (const DType dtype : {DType::kF32, DType::kF16, DType::kBF16}) {
      SCOPED_TRACE(std::string(DTypeName(dtype)) + " to " + std::string(DTypeName(to)));
      const OwnedWeight plain(dtype, 21, 96, 4);
      std::vector<float> values(21 * 96);
      ASSERT_OK(Dequantize(dtype, plain.bytes, values));
      std::vector<std::byte> blocks(static_cast<size_t>(21 * RowBytes(to, 96)));
      ASSERT_OK(Quantize(to, values, blocks));
      const Weight rounded{to, blocks.data(), 21, 96};
      Weight packed = plain.weight;
      Weight* const list[] = {&packed};
      const auto weights = PackedWeights::Pack(list, GetParam(), plain_weights, nullptr);
      ASSERT_OK(weights);
      EXPECT_EQ(packed.packed->dtype, to);
      EXPECT_TRUE(testing::SameBits(Product(*ctx, rounded, 3), Product(*ctx, packed, 3)));
      // Exact precision has no use for rounded weights.
      auto exact = Make(Precision::kExact);
      EXPECT_TRUE(testing::SameBits(Product(*exact, plain.weight, 3), Product(*exact, packed, 3)));
    }
  }
}

TEST_P(PackingTest, OddRowsOfBfloatsAreFilledUp) {
  for (const Precision precision : {Precision::kFast, Precision::kExact}) {
    auto ctx = Make(precision);
    for (const int64_t columns : {1, 7, 33}) {
      const OwnedWeight w(DType::kBF16, 45, columns, 3);
      Weight packed = w.weight;
      Weight* const list[] = {&packed};
      ASSERT_OK_AND_ASSIGN(const auto weights,
                           PackedWeights::Pack(list, GetParam(), PlainWeights::kAsStored, nullptr));
      EXPECT_TRUE(testing::SameBits(Product(*ctx, w.weight, 5), Product(*ctx, packed, 5)));
    }
  }
}

// Other precisions leave what is quantised as it is.
TEST_P(PackingTest, QuantisedWeightsAreNotRoundedAgain) {
  const OwnedWeight w(DType::kQ4_1, 16, 64, 3);
  for (const PlainWeights plain : {PlainWeights::kQ8_0, PlainWeights::kBf16}) {
    Weight packed = w.weight;
    Weight* const list[] = {&packed};
    ASSERT_OK_AND_ASSIGN(const auto weights, PackedWeights::Pack(list, GetParam(), plain, nullptr));
    EXPECT_EQ(packed.packed->dtype, DType::kQ4_1);
  }
}

TEST_P(PackingTest, RefusesWhatCannotBePackedAndChangesNothing) {
  const OwnedWeight good(DType::kQ8_0, 4, 64, 3), odd(DType::kF32, 4, 33, 3);
  Weight first = good.weight, second = odd.weight;
  Weight* const list[] = {&first, &second};
  EXPECT_STATUS(PackedWeights::Pack(list, GetParam(), PlainWeights::kQ8_0, nullptr),
                kInvalidArgument, "33 columns cannot be rounded to Q8_0");
  second.data = nullptr;
  EXPECT_STATUS(PackedWeights::Pack(list, GetParam(), PlainWeights::kAsStored, nullptr),
                kInvalidArgument, "without data");
  EXPECT_EQ(first.packed, nullptr);
  EXPECT_OK(PackedWeights::Pack({}, GetParam(), PlainWeights::kAsStored, nullptr));
}

FOOTNOTE_EVERY_ISA(PackingTest);

}  // namespace
}  // namespace footnote::kernels
