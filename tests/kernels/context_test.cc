#include "kernels/context.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "kernels/device.h"
#include "tests/testing/status_matchers.h"

namespace footnote::kernels {
namespace {

class Environment {
 public:
  explicit Environment(const char* value) { setenv("FOOTNOTE_ISA", value, 1); }
  ~Environment() { unsetenv("FOOTNOTE_ISA"); }
};

TEST(Isa, PlainIsAlwaysSupportedAndTheBestIsLast) {
  const std::vector<Isa> isas = SupportedIsas();
  ASSERT_FALSE(isas.empty());
  EXPECT_EQ(isas.front(), Isa::kPlain);
  EXPECT_TRUE(std::ranges::is_sorted(isas));
  unsetenv("FOOTNOTE_ISA");
  ASSERT_OK_AND_ASSIGN(const Isa best, DefaultIsa());
  EXPECT_EQ(best, isas.back());
}

TEST(Isa, TheEnvironmentForcesOne) {
  for (const Isa isa : SupportedIsas()) {
    const Environment environment(std::string(IsaName(isa)).c_str());
    ASSERT_OK_AND_ASSIGN(const Isa got, DefaultIsa());
    EXPECT_EQ(got, isa);
  }
}

TEST(Isa, AnUnknownNameIsAnErrorThatListsTheKnownOnes) {
  const Environment environment("avx1024");
  EXPECT_STATUS(DefaultIsa(), kInvalidArgument, "plain");
}

TEST(Context, IsRefusedForAnInstructionSetThisCpuLacks) {
  const std::vector<Isa> supported = SupportedIsas();
  for (const Isa isa :
       {Isa::kPlain, Isa::kAvx2, Isa::kAvx512, Isa::kAvx512Vnni, Isa::kAvx512Bf16}) {
    const auto context = Context::Create(nullptr, isa, Precision::kFast);
    if (std::ranges::find(supported, isa) != supported.end()) {
      EXPECT_OK(context);
    } else {
      EXPECT_STATUS(context, kFailedPrecondition, IsaName(isa));
    }
  }
}

TEST(Precision, EveryNameIsUnderstoodAndAnotherIsNot) {
  const std::vector<std::string> names = PrecisionNames();
  EXPECT_EQ(names, (std::vector<std::string>{"fast", "exact", "int8", "bf16"}));
  for (const std::string& name : names) {
    ASSERT_OK_AND_ASSIGN(const Precision precision, PrecisionFromName(name));
    EXPECT_EQ(PrecisionName(precision), name);
    EXPECT_STATUS(PrecisionFromName("fp8"), kInvalidArgument, name);
  }
}

TEST(Context, ScratchSlotsAreAlignedSeparateAndGrow) {
  ASSERT_OK_AND_ASSIGN(const auto context, Context::Create(nullptr, Isa::kPlain, Precision::kFast));
  auto* a = static_cast<char*>(context->Scratch(0, 100));
  auto* b = static_cast<char*>(context->Scratch(1, 100));
  EXPECT_EQ(reinterpret_cast<uintptr_t>(a) % 64, 0u);
  EXPECT_NE(a, b);
  std::fill_n(a, 100, 'a');
  std::fill_n(b, 100, 'b');
  EXPECT_EQ(context->Scratch(0, 50), a) << "memory is kept";
  auto* larger = static_cast<char*>(context->Scratch(0, 1 << 20));
  std::fill_n(larger, 1 << 20, 'c');
  EXPECT_EQ(std::count(b, b + 100, 'b'), 100);
}

TEST(Device, TheReportNamesGpusOrSaysWhyThereAreNone) {
  const GpuReport report = FindGpus();
  EXPECT_EQ(report.gpus.empty(), !report.note.empty());
  for (const GpuInfo& gpu : report.gpus) {
    EXPECT_FALSE(gpu.name.empty());
    EXPECT_GT(gpu.memory_bytes, 0);
    EXPECT_EQ(gpu.usable, gpu.why_not.empty());
  }
}

}  // namespace
}  // namespace footnote::kernels
