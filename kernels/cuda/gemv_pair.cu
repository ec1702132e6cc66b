// Products of one row of x with weights of two formats.
#include <utility>

#include "kernels/cuda/gemv_pair.h"

namespace footnote::kernels::cuda {
namespace {

// Calls function(First{}, Second{}) for the pairs that are compiled, in this order.
template <typename Function, typename Result>
Result WithPair(DType first, DType second, Result otherwise, const Function& function) {
  if (first == DType::kQ4_K && second == DType::kQ6_K) {
    return function(Q4_KLayout{}, Q6_KLayout{});
  }
  if (first == DType::kQ4_K && second == DType::kQ5_K) {
    return function(Q4_KLayout{}, Q5_KLayout{});
  }
  if (first == DType::kQ5_K && second == DType::kQ6_K) {
    return function(Q5_KLayout{}, Q6_KLayout{});
  }
  if (first == DType::kQ4_K && second == DType::kQ8_0) {
    return function(Q4_KLayout{}, Q8_0Layout{});
  }
  return otherwise;
}

bool Compiled(DType first, DType second) {
  return WithPair(first, second, false, [](auto, auto) { return true; });
}

}  // namespace

bool GemvPairs(DType first, DType second, int64_t tokens) {
  return tokens == 1 && (Compiled(first, second) || Compiled(second, first));
}

int LaunchGemvPair(DType first_type, const GemvWork& first, DType second_type,
                   const GemvWork& second, int multiprocessors, const GemvVariant& variant,
                   const LaunchOn& on) {
  if (!Compiled(first_type, second_type) && Compiled(second_type, first_type)) {
    return LaunchGemvPair(second_type, second, first_type, first, multiprocessors, variant, on);
  }
  if (multiprocessors < 2 || first.x.tokens != 1 || second.x.tokens != 1 ||
      first.x.columns != second.x.columns || first.x.data != second.x.data ||
      first.prepared != second.prepared) {
    return cudaErrorInvalidValue;
  }
  for (const auto& [type, work] :
       {std::pair(first_type, &first), std::pair(second_type, &second)}) {
    if (work->gated || work->target_count < 1 || work->target_count > kMostGemvTargets ||
        !GemvTakes(type, 1, work->x.columns)) {
      return cudaErrorInvalidValue;
    }
    for (int i = 0; i < work->target_count; ++i) {
      if (work->targets[i].rows < 1) return cudaErrorInvalidValue;
    }
  }
  return WithPair(
      first_type, second_type, static_cast<int>(cudaErrorInvalidValue), [&](auto a, auto b) {
        return LaunchPair<decltype(a), decltype(b)>(first, second, multiprocessors, variant, on);
      });
}

}  // namespace footnote::kernels::cuda
