#include "kernels/cpu/rounded_input.h"

#include <vector>

#include "kernels/cpu/check.h"

namespace footnote::kernels {
namespace {

size_t RoundUp64(size_t bytes) { return (bytes + 63) / 64 * 64; }

struct Rounding {
  int64_t group;  // elements that share a scale
  int8_t* codes = nullptr;
  float* scales = nullptr;
  int32_t* sums16 = nullptr;
};

// Sums of codes as one format needs them, in 4 bytes a run or fewer.
struct Derived {
  PanelTraits traits;
  void* sums = nullptr;
};

bool SameSums(const PanelTraits& a, const PanelTraits& b) {
  return a.x_group == b.x_group && a.run == b.run && a.zero == b.zero && a.has_min == b.has_min;
}

// Element i of `list` for which matches(element), added when there is none.
template <class Element, class Matches>
size_t FindOrAdd(std::vector<Element>& list, const Element& element, const Matches& matches) {
  size_t i = 0;
  while (i < list.size() && !matches(list[i])) ++i;
  if (i == list.size()) list.push_back(element);
  return i;
}

void Derive(const Derived& derived, const Rounding& from, int64_t k, int64_t begin, int64_t end) {
  const PanelTraits& traits = derived.traits;
  const int64_t runs = k / traits.run;
  for (int64_t t = begin; t < end; ++t) {
    for (int64_t r = 0; r < runs; ++r) {
      const int32_t* pair = from.sums16 + t * (k / 16) + r * traits.run / 16;
      const int32_t sum = traits.run == 32 ? pair[0] + pair[1] : pair[0];
      const int64_t at = t * runs + r;
      if (traits.x_group == 256) {
        static_cast<int16_t*>(derived.sums)[at] = static_cast<int16_t>(sum);
      } else if (traits.has_min) {
        static_cast<float*>(derived.sums)[at] =
            from.scales[t * (k / 32) + r * traits.run / 32] * static_cast<float>(sum);
      } else {
        static_cast<int32_t*>(derived.sums)[at] = -traits.zero * sum;
      }
    }
  }
}

}  // namespace

void RoundInput(Context& ctx, ConstMatrix x, std::span<RoundingRequest> requests) {
  if (requests.empty()) return;
  const int64_t rows = x.shape[0], k = x.shape[1];
  std::vector<Rounding> roundings;
  std::vector<Derived> derived;
  for (const RoundingRequest& request : requests) {
    const PanelTraits& traits = request.traits;
    FindOrAdd(roundings, Rounding{traits.x_group},
              [&](const Rounding& each) { return each.group == traits.x_group; });
    FindOrAdd(derived, Derived{traits},
              [&](const Derived& each) { return SameSums(each.traits, traits); });
  }

  const auto elements = static_cast<size_t>(rows * k);
  const size_t code_bytes = RoundUp64(elements);
  const size_t sum_bytes = RoundUp64(elements / 16 * sizeof(int32_t));  // scales need no more
  auto* next = static_cast<std::byte*>(
      ctx.Scratch(0, roundings.size() * (code_bytes + 2 * sum_bytes) + derived.size() * sum_bytes));
  const auto take = [&next](size_t bytes) {
    std::byte* taken = next;
    next += bytes;
    return static_cast<void*>(taken);
  };
  for (Rounding& rounding : roundings) {
    rounding.codes = static_cast<int8_t*>(take(code_bytes));
    rounding.scales = static_cast<float*>(take(sum_bytes));
    rounding.sums16 = static_cast<int32_t*>(take(sum_bytes));
  }
  for (Derived& each : derived) each.sums = take(sum_bytes);
  const auto rounding_of = [&](const PanelTraits& traits) -> const Rounding& {
    size_t i = 0;
    while (roundings[i].group != traits.x_group) ++i;
    return roundings[i];
  };

  ctx.ParallelFor(rows, RowGrain(k), [&](int64_t begin, int64_t end) {
    for (const Rounding& to : roundings) {
      ctx.kernels().round_rows(x.row(begin), x.stride[0], end - begin, k, to.group,
                               to.codes + begin * k, to.scales + begin * (k / to.group),
                               to.sums16 + begin * (k / 16));
    }
    for (const Derived& each : derived) Derive(each, rounding_of(each.traits), k, begin, end);
  });

  for (RoundingRequest& request : requests) {
    const Rounding& rounding = rounding_of(request.traits);
    size_t i = 0;
    while (!SameSums(derived[i].traits, request.traits)) ++i;
    request.x = {rounding.codes, rounding.scales};
    if (request.traits.x_group == 256) {
      request.x.sums = static_cast<const int16_t*>(derived[i].sums);
    } else if (request.traits.has_min) {
      request.x.offsets = static_cast<const float*>(derived[i].sums);
    } else {
      request.x.start = static_cast<const int32_t*>(derived[i].sums);
    }
  }
}

GroupedRows RoundToGroups(Context& ctx, ConstMatrix x, const float* factors, size_t place,
                          size_t places) {
  const int64_t rows = x.shape[0], k = x.shape[1], row_numbers = 2 * GroupCount(k);
  const size_t code_bytes = RoundUp64(static_cast<size_t>(rows * k));
  const size_t bytes =
      code_bytes + RoundUp64(static_cast<size_t>(rows * row_numbers) * sizeof(float));
  auto* codes = static_cast<uint8_t*>(ctx.Scratch(3, places * bytes)) + place * bytes;
  auto* numbers = reinterpret_cast<float*>(codes + code_bytes);
  ctx.ParallelFor(rows, RowGrain(k), [&](int64_t begin, int64_t end) {
    ctx.kernels().round_groups(x.row(begin), x.stride[0], factors, end - begin, k,
                               codes + begin * k, k, numbers + begin * row_numbers, row_numbers);
  });
  return {codes, numbers};
}

const uint8_t* RoundToBfloats(Context& ctx, ConstMatrix x) {
  const int64_t rows = x.shape[0], k = x.shape[1];
  const int64_t row_bytes = BfloatRowBytes(k, ctx.kernels());
  auto* bfloats = static_cast<uint8_t*>(ctx.Scratch(2, static_cast<size_t>(rows * row_bytes)));
  ctx.ParallelFor(rows, RowGrain(k), [&](int64_t begin, int64_t end) {
    ctx.kernels().round_bfloats(x.row(begin), x.stride[0], end - begin, k,
                                bfloats + begin * row_bytes);
  });
  return bfloats;
}

RoundedRows RowsFrom(RoundedRows x, const PanelTraits& traits, int64_t k, int64_t first) {
  const int64_t runs = k / traits.run;
  x.codes += first * k;
  x.scales += first * (k / traits.x_group);
  if (x.offsets != nullptr) x.offsets += first * runs;
  if (x.start != nullptr) x.start += first * runs;
  if (x.sums != nullptr) x.sums += first * runs;
  return x;
}

}  // namespace footnote::kernels
