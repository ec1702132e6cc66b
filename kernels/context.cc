#include "kernels/context.h"

#ifdef __x86_64__
#include <cpuid.h>
#endif

#include <algorithm>
#include <cstdlib>
#include <new>

#include "kernels/cpu/kernel_table.h"
#include "kernels/cpu/panel_format.h"
#include "kernels/cpu/rope_cache.h"

namespace footnote::kernels {
namespace {

constexpr std::string_view kPrecisionNames[] = {"fast", "exact", "int8", "bf16"};
constexpr std::string_view kIsaNames[] = {"plain", "avx2", "avx512", "avx512vnni", "avx512bf16"};

bool Supported(Isa isa) {
#ifdef __x86_64__
  // The builtin asks cpuid, and xgetbv whether the operating system saves the wide registers.
  __builtin_cpu_init();
  // clang 14's does not know F16C, whose registers are AVX2's.
  unsigned a = 0, b = 0, c = 0, d = 0;
  const bool f16c = __get_cpuid(1, &a, &b, &c, &d) != 0 && (c & bit_F16C) != 0;
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && f16c;
  const bool avx512 = avx2 && __builtin_cpu_supports("avx512f") &&
                      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
                      __builtin_cpu_supports("avx512vl");
  if (isa == Isa::kAvx2) return avx2;
  if (isa == Isa::kAvx512) return avx512;
  const bool vnni = avx512 && __builtin_cpu_supports("avx512vnni");
  if (isa == Isa::kAvx512Vnni) return vnni;
  if (isa == Isa::kAvx512Bf16) return vnni && __builtin_cpu_supports("avx512bf16");
#endif
  return isa == Isa::kPlain;
}

std::string SupportedNames() {
  std::string names;
  for (const Isa isa : SupportedIsas()) {
    if (!names.empty()) names += ", ";
    names += IsaName(isa);
  }
  return names;
}

}  // namespace

const CpuKernels& KernelsOf(Isa isa) {
#ifdef __x86_64__
  if (isa == Isa::kAvx2) return kCpuAvx2;
  if (isa == Isa::kAvx512) return kCpuAvx512;
  if (isa == Isa::kAvx512Vnni) return kCpuAvx512Vnni;
  if (isa == Isa::kAvx512Bf16) return kCpuAvx512Bf16;
#endif
  return kCpuPlain;
}

std::string_view IsaName(Isa isa) { return kIsaNames[static_cast<size_t>(isa)]; }

std::string_view PrecisionName(Precision precision) {
  return kPrecisionNames[static_cast<size_t>(precision)];
}

std::vector<std::string> PrecisionNames() {
  return {std::begin(kPrecisionNames), std::end(kPrecisionNames)};
}

StatusOr<Precision> PrecisionFromName(std::string_view name) {
  for (size_t i = 0; i < std::size(kPrecisionNames); ++i) {
    if (kPrecisionNames[i] == name) return static_cast<Precision>(i);
  }
  return InvalidArgumentError("\"" + std::string(name) +
                              "\" is no precision; choose fast, exact, int8 or bf16");
}

std::vector<Isa> SupportedIsas() {
  std::vector<Isa> result;
  for (size_t i = 0; i < std::size(kIsaNames); ++i) {
    const Isa isa = static_cast<Isa>(i);
    if (Supported(isa)) result.push_back(isa);
  }
  return result;
}

StatusOr<Isa> DefaultIsa() {
  const char* wanted = std::getenv("FOOTNOTE_ISA");
  if (wanted == nullptr || *wanted == '\0') return SupportedIsas().back();
  for (size_t i = 0; i < std::size(kIsaNames); ++i) {
    if (kIsaNames[i] != wanted) continue;
    const Isa isa = static_cast<Isa>(i);
    if (!Supported(isa)) {
      return FailedPreconditionError("FOOTNOTE_ISA is " + std::string(wanted) +
                                     ", which this CPU lacks; it supports " + SupportedNames());
    }
    return isa;
  }
  return InvalidArgumentError("FOOTNOTE_ISA is \"" + std::string(wanted) +
                              "\", which is no instruction set; unset it or choose one of " +
                              SupportedNames());
}

StatusOr<std::unique_ptr<Context>> Context::Create(ThreadPool* pool, Isa isa, Precision precision) {
  if (!Supported(isa)) {
    return FailedPreconditionError("this CPU lacks " + std::string(IsaName(isa)) +
                                   "; it supports " + SupportedNames());
  }
  return std::unique_ptr<Context>(new Context(pool, isa, precision, &KernelsOf(isa)));
}

Context::Context(ThreadPool* pool, Isa isa, Precision precision, const CpuKernels* kernels)
    : pool_(pool),
      isa_(isa),
      precision_(precision),
      kernels_(kernels),
      rope_cache_(std::make_unique<RopeCache>()) {}

Context::~Context() {
  for (AlignedBuffer& buffer : scratch_) std::free(buffer.data);
}

void Context::ParallelFor(int64_t count, int64_t grain,
                          const std::function<void(int64_t, int64_t)>& body) {
  if (count <= 0) return;
  if (pool_ == nullptr) {
    body(0, count);
  } else {
    pool_->ParallelFor(count, grain, body);
  }
}

void* Context::Scratch(int slot, size_t bytes) {
  AlignedBuffer& buffer = scratch_[slot];
  if (buffer.bytes < bytes) {
    // Half as much again, so that a context that grows token by token does not move each time.
    const size_t wanted = (std::max(bytes, buffer.bytes + buffer.bytes / 2) + 63) / 64 * 64;
    void* data = std::aligned_alloc(64, wanted);
    if (data == nullptr) throw std::bad_alloc();
    std::free(buffer.data);
    buffer = {data, wanted};
  }
  return buffer.data;
}

}  // namespace footnote::kernels
