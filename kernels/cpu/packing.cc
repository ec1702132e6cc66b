// PackedWeights, and what is known of panels.
#include "kernels/packing.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <string>

#include "kernels/cpu/check.h"
#include "kernels/cpu/kernel_table.h"
#include "kernels/cpu/panel_format.h"
#include "kernels/cpu/thread_scratch.h"

namespace footnote::kernels {
namespace {

size_t RoundUp64(size_t bytes) { return (bytes + 63) / 64 * 64; }

// Bytes of rows after which PackedReader is told: few beside a model, many beside what a call
// costs.
constexpr int64_t kToldBytes = 4 << 20;

// Bits of a code, and bytes of numbers per row and 256 elements.
struct Density {
  int64_t bits;
  int64_t number_bytes;
};

Density DensityOf(PanelFormat format) {
  switch (format) {
    case kPanelQ4_0:
      return {4, 16};
    case kPanelQ4_1:
      return {4, 32};
    case kPanelQ5_0:
      return {5, 16};
    case kPanelQ5_1:
      return {5, 32};
    case kPanelQ8_0:
      return {8, 16};
    case kPanelQ2_K:
      return {2, 20};
    case kPanelQ3_K:
      return {3, 18};
    case kPanelQ4_K:
      return {4, 20};
    case kPanelQ5_K:
      return {5, 20};
    case kPanelQ6_K:
      return {6, 18};
    case kPanelIQ4_NL:
      return {4, 16};
    case kPanelIQ4_XS:
      return {4, 10};
    case kPanelF32:
      return {32, 0};
    case kPanelF16:
    case kPanelBf16:
      return {16, 0};
    case kPanelFormats:
      break;
  }
  return {0, 0};
}

// Rows first… of w, padded with zeros to a whole panel, as blocks of `dtype`.
const uint8_t* RoundedTo(DType dtype, const CpuKernels& kernels, const Weight& w, int64_t first) {
  const int64_t p = kernels.panel_rows;
  const int64_t row_bytes = RowBytes(dtype, w.columns);
  auto* values =
      static_cast<float*>(ThreadScratch(0, static_cast<size_t>(w.columns) * sizeof(float)));
  auto* blocks = static_cast<std::byte*>(ThreadScratch(1, static_cast<size_t>(p * row_bytes)));
  std::memset(blocks, 0, static_cast<size_t>(p * row_bytes));
  const auto count = static_cast<size_t>(w.columns);
  for (int64_t r = 0; r < std::min(p, w.rows - first); ++r) {
    const std::span<const std::byte> row(w.row(first + r), static_cast<size_t>(w.row_bytes()));
    Dequantize(w.dtype, row, {values, count}).IgnoreError();  // whole blocks, as Pack saw
    Quantize(dtype, {values, count}, {blocks + r * row_bytes, static_cast<size_t>(row_bytes)})
        .IgnoreError();
  }
  return reinterpret_cast<const uint8_t*>(blocks);
}

// Packs rows first… of w by groups, columns divided by `factors` where there are any.
void PackGroups(const CpuKernels& kernels, const Weight& w, const float* factors, int64_t first,
                uint8_t* codes, uint8_t* numbers) {
  const int64_t p = kernels.panel_rows, k = w.columns;
  auto* values = static_cast<float*>(ThreadScratch(0, static_cast<size_t>(k) * sizeof(float)));
  auto* steps = reinterpret_cast<float*>(numbers);
  for (int64_t r = 0; r < p; ++r) {
    std::fill_n(values, k, 0.0f);
    if (first + r < w.rows) {
      const std::span<const std::byte> row(w.row(first + r), static_cast<size_t>(w.row_bytes()));
      Dequantize(w.dtype, row, {values, static_cast<size_t>(k)}).IgnoreError();  // as Pack saw
    }
    for (int64_t i = 0; factors != nullptr && i < k; ++i) values[i] /= factors[i];
    for (int64_t begin = 0; begin < k; begin += kGroupColumns) {
      const int64_t end = std::min<int64_t>(begin + kGroupColumns, k);
      float largest = 0;
      for (int64_t i = begin; i < end; ++i) largest = std::fmax(largest, std::fabs(values[i]));
      const float step = largest < 1e-30f ? 0.0f : largest / 127.0f;
      const float inverse = largest < 1e-30f ? 0.0f : 127.0f / largest;
      int32_t sum = 0;
      for (int64_t i = begin; i < end; ++i) {
        const auto code = static_cast<int8_t>(std::nearbyint(values[i] * inverse));
        sum += code;
        codes[i / 4 * 4 * p + 4 * r + i % 4] = static_cast<uint8_t>(code);
      }
      float* to = steps + begin / kGroupColumns * 2 * p + r;
      to[0] = step;
      to[p] = step * static_cast<float>(sum);
    }
  }
}

// What x is multiplied by, and w divided by, before both are rounded: halfway to columns of x that
// are all as large, which would move the whole unevenness to w.
std::vector<float> FactorsOf(std::span<const float> spread) {
  std::vector<float> factors;
  for (const float each : spread) factors.push_back(1 / std::sqrt(std::fmax(each, 1e-6f)));
  return factors;
}

bool IsPlain(DType dtype) {
  return dtype == DType::kF32 || dtype == DType::kF16 || dtype == DType::kBF16;
}

// What w is multiplied as.
DType PackedDType(const Weight& w, PlainWeights plain) {
  if (plain == PlainWeights::kAsStored || !IsPlain(w.dtype)) return w.dtype;
  return plain == PlainWeights::kBf16 ? DType::kBF16 : DType::kQ8_0;
}

}  // namespace

PanelTraits TraitsOf(DType dtype, const CpuKernels& kernels) {
  switch (dtype) {
    case DType::kQ4_0:
      return {kPanelQ4_0, 32, 8, false, PanelInput::kCodes};
    case DType::kQ4_1:
      return {kPanelQ4_1, 32, 0, true, PanelInput::kCodes};
    case DType::kQ5_0:
      return {kPanelQ5_0, 32, 16, false, PanelInput::kCodes};
    case DType::kQ5_1:
      return {kPanelQ5_1, 32, 0, true, PanelInput::kCodes};
    case DType::kQ8_0:
      return {kPanelQ8_0, 32, kernels.q8_0_signed != 0 ? 0 : 128, false, PanelInput::kCodes};
    case DType::kQ2_K:
      return {kPanelQ2_K, 16, 0, true, PanelInput::kCodes, 256};
    case DType::kQ3_K:
      return {kPanelQ3_K, 16, 4, false, PanelInput::kCodes, 256};
    case DType::kQ4_K:
      return {kPanelQ4_K, 32, 0, true, PanelInput::kCodes, 256};
    case DType::kQ5_K:
      return {kPanelQ5_K, 32, 0, true, PanelInput::kCodes, 256};
    case DType::kQ6_K:
      return {kPanelQ6_K, 16, 32, false, PanelInput::kCodes, 256};
    case DType::kIQ4_NL:
      return {kPanelIQ4_NL, 32, kernels.q8_0_signed != 0 ? 0 : 128, false, PanelInput::kCodes};
    case DType::kIQ4_XS:
      return {kPanelIQ4_XS, 32, kernels.q8_0_signed != 0 ? 0 : 128, false, PanelInput::kCodes, 256};
    case DType::kF32:
      return {kPanelF32, 1, 0, false, PanelInput::kFloat};
    case DType::kF16:
      return {kPanelF16, 1, 0, false, PanelInput::kFloat};
    case DType::kBF16:
      break;
  }
  return {kPanelBf16, 1, 0, false, PanelInput::kBfloat};
}

PanelBytes PanelBytesOf(DType dtype, int64_t columns, const CpuKernels& kernels) {
  const Density density = DensityOf(TraitsOf(dtype, kernels).format);
  const int64_t p = kernels.panel_rows;
  if (dtype == DType::kBF16) columns += columns % 2;
  return {columns * density.bits / 8 * p, columns * density.number_bytes / 256 * p};
}

void PackPanel(const CpuKernels& kernels, const Weight& w, int64_t panel, uint8_t* codes,
               uint8_t* numbers) {
  const int64_t p = kernels.panel_rows, first = panel * p;
  const auto* source = reinterpret_cast<const uint8_t*>(w.row(first));
  if (w.rows - first < p) {
    const auto bytes = static_cast<size_t>(p * w.row_bytes());
    const auto there = static_cast<size_t>((w.rows - first) * w.row_bytes());
    auto* padded = static_cast<uint8_t*>(ThreadScratch(1, bytes));
    std::memcpy(padded, source, there);
    std::memset(padded + there, 0, bytes - there);
    source = padded;
  }
  kernels.pack[TraitsOf(w.dtype, kernels).format](source, w.row_bytes(), w.columns, codes, numbers);
}

StatusOr<PackedMemory> AllocatePackedMemory(size_t bytes) {
  void* data = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (data == MAP_FAILED) {
    return ResourceExhaustedError("cannot get " + std::to_string(bytes) +
                                  " bytes for packed weights: " + std::strerror(errno));
  }
  // Fewer page faults and table walks; where the system has no large pages, nothing is lost.
  madvise(data, bytes, MADV_HUGEPAGE);
  return PackedMemory{static_cast<uint8_t*>(data),
                      std::shared_ptr<void>(data, [bytes](void* p) { munmap(p, bytes); }), false,
                      false};
}

Status PackedWeights::MoveToMemory(const std::function<bool()>& stop) {
  if (!memory_.in_file || moved_.data != nullptr) return OkStatus();
  FOOTNOTE_ASSIGN_OR_RETURN(moved_, AllocatePackedMemory(bytes_));
  const auto page = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
  size_t matrix = 0;
  for (size_t at = 0; at < bytes_ && !stop();) {
    const size_t count = std::min<size_t>(kToldBytes, bytes_ - at);
    std::memcpy(moved_.data + at, memory_.data + at, count);
    at += count;
    // Matrices lie in order, each with its codes before its numbers; the next one's start ends one.
    const auto end_of = [&](size_t i) {
      return i + 1 < matrices_.size()
                 ? static_cast<size_t>(matrices_[i + 1].codes.load() - memory_.data)
                 : bytes_;
    };
    for (; matrix < matrices_.size() && end_of(matrix) <= at; ++matrix) {
      PackedWeight& moving = matrices_[matrix];
      moving.numbers.store(moved_.data + (moving.numbers.load() - memory_.data));
      moving.codes.store(moved_.data + (moving.codes.load() - memory_.data));
    }
    // Whole pages behind; who still reads them brings them back from the file.
    auto* begin = reinterpret_cast<uint8_t*>(
        reinterpret_cast<uintptr_t>(memory_.data + at - count) / page * page);
    madvise(begin, static_cast<size_t>(memory_.data + at - begin), MADV_DONTNEED);
  }
  // Once more, for what products brought back.
  if (matrix == matrices_.size()) {
    auto* begin =
        reinterpret_cast<uint8_t*>(reinterpret_cast<uintptr_t>(memory_.data) / page * page);
    madvise(begin, static_cast<size_t>(memory_.data + bytes_ - begin), MADV_DONTNEED);
  }
  return OkStatus();
}

StatusOr<std::unique_ptr<PackedWeights>> PackedWeights::Pack(std::span<Weight* const> weights,
                                                             Isa isa, PlainWeights plain,
                                                             ThreadPool* pool,
                                                             const PackedAllocator& allocate,
                                                             const PackedReader& done) {
  const CpuKernels& kernels = KernelsOf(isa);
  std::unique_ptr<PackedWeights> packed(new PackedWeights());
  struct Part {
    size_t codes, numbers;  // offsets
    PanelBytes panel;
    int64_t first_task;
  };
  std::vector<Part> parts;
  int64_t tasks = 0;
  for (const Weight* w : weights) {
    FOOTNOTE_RETURN_IF_ERROR(CheckWeight("PackedWeights", *w));
    const DType dtype = PackedDType(*w, plain);
    const bool by_groups = plain == PlainWeights::kGroups && IsPlain(w->dtype);
    if (by_groups && w->columns % 4 != 0) {
      return InvalidArgumentError("a matrix of " + std::to_string(w->columns) +
                                  " columns cannot be rounded to 8 bits by groups, only one whose "
                                  "columns are a multiple of 4");
    }
    if (!by_groups && w->columns % BlockElements(dtype) != 0) {
      return InvalidArgumentError("a matrix of " + std::to_string(w->columns) +
                                  " columns cannot be rounded to " + std::string(DTypeName(dtype)) +
                                  ", whose blocks have " + std::to_string(BlockElements(dtype)));
    }
    Part part{packed->bytes_, 0,
              by_groups ? GroupPanelBytesOf(w->columns, kernels)
                        : PanelBytesOf(dtype, w->columns, kernels),
              tasks};
    const auto panels = static_cast<size_t>(PanelCount(w->rows, kernels));
    packed->bytes_ += RoundUp64(panels * static_cast<size_t>(part.panel.codes));
    part.numbers = packed->bytes_;
    packed->bytes_ += RoundUp64(panels * static_cast<size_t>(part.panel.numbers));
    tasks += static_cast<int64_t>(panels);
    parts.push_back(part);
    PackedWeight& matrix = packed->matrices_.emplace_back();
    matrix.dtype = dtype;
    matrix.isa = isa;
    matrix.by_groups = by_groups;
    if (by_groups && w->column_spread != nullptr) {
      std::vector<float>& factors = packed->factors_[w->column_spread];
      if (factors.empty()) {
        factors = FactorsOf({w->column_spread, static_cast<size_t>(w->columns)});
      }
      matrix.factors = factors.data();
    }
  }
  if (packed->bytes_ == 0) return packed;
  // A little more, so that vectors may be read past the last number.
  packed->bytes_ += 64;
  FOOTNOTE_ASSIGN_OR_RETURN(packed->memory_, allocate(packed->bytes_));
  uint8_t* base = packed->memory_.data;

  // Rows of panels [from, to).
  const auto tell = [&](const Weight& w, int64_t from, int64_t to) {
    const int64_t first = from * kernels.panel_rows, last = to * kernels.panel_rows;
    const auto rows = static_cast<size_t>(std::min(last, w.rows) - first);
    if (done && from < to) done({w.row(first), rows * static_cast<size_t>(w.row_bytes())});
  };
  const auto run = [&](int64_t begin, int64_t end) {
    auto part = static_cast<size_t>(std::ranges::upper_bound(parts, begin, {}, &Part::first_task) -
                                    parts.begin() - 1);
    int64_t untold = begin - parts[part].first_task;  // the first panel
    for (int64_t task = begin; task < end; ++task) {
      while (part + 1 < parts.size() && parts[part + 1].first_task <= task) {
        tell(*weights[part], untold, task - parts[part].first_task);
        ++part;
        untold = 0;
      }
      const Part& to = parts[part];
      const int64_t panel = task - to.first_task;
      const int64_t panel_bytes = kernels.panel_rows * weights[part]->row_bytes();
      if ((panel - untold) * panel_bytes > kToldBytes) {
        tell(*weights[part], untold, panel);
        untold = panel;
      }
      uint8_t* codes = base + to.codes + panel * to.panel.codes;
      uint8_t* numbers = base + to.numbers + panel * to.panel.numbers;
      const Weight& w = *weights[part];
      const DType dtype = packed->matrices_[part].dtype;
      if (packed->matrices_[part].by_groups) {
        PackGroups(kernels, w, packed->matrices_[part].factors, panel * kernels.panel_rows, codes,
                   numbers);
      } else if (dtype == w.dtype) {
        PackPanel(kernels, w, panel, codes, numbers);
      } else {
        kernels.pack[TraitsOf(dtype, kernels).format](
            RoundedTo(dtype, kernels, w, panel * kernels.panel_rows), RowBytes(dtype, w.columns),
            w.columns, codes, numbers);
      }
    }
    tell(*weights[part], untold, end - parts[part].first_task);
  };
  if (packed->memory_.packed) {
    // Nothing to do.
  } else if (pool != nullptr) {
    pool->ParallelFor(tasks, 1, run);
  } else {
    run(0, tasks);
  }
  for (size_t i = 0; i < parts.size(); ++i) {
    packed->matrices_[i].codes.store(base + parts[i].codes);
    packed->matrices_[i].numbers.store(base + parts[i].numbers);
    weights[i]->packed = &packed->matrices_[i];
  }
  return packed;
}

}  // namespace footnote::kernels
