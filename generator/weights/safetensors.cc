#include "generator/weights/safetensors.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "generator/weights/byte_cursor.h"
#include "generator/weights/json_text.h"

namespace footnote::generator {
namespace {

using nlohmann::json;

constexpr uint64_t kLongestHeader = 100'000'000;  // of the reference implementation

struct NamedFormat {
  std::string_view name;
  int bytes;
  std::optional<kernels::DType> dtype;
};

constexpr NamedFormat kFormats[] = {
    {"F32", 4, kernels::DType::kF32},
    {"F16", 2, kernels::DType::kF16},
    {"BF16", 2, kernels::DType::kBF16},
    {"F64", 8, {}},
    {"I64", 8, {}},
    {"U64", 8, {}},
    {"I32", 4, {}},
    {"U32", 4, {}},
    {"I16", 2, {}},
    {"U16", 2, {}},
    {"I8", 1, {}},
    {"U8", 1, {}},
    {"BOOL", 1, {}},
    {"F8_E4M3", 1, {}},
    {"F8_E5M2", 1, {}},
};

struct Entry {
  StoredTensor tensor;
  std::string format;
  bool supported = false;
  uint64_t begin = 0;
  uint64_t end = 0;
};

bool ReadUnsigned(const json& value, uint64_t& out) {
  if (!value.is_number_unsigned()) return false;
  out = value.get<uint64_t>();
  return true;
}

StatusOr<Entry> ReadEntry(const std::string& name, const json& value, uint64_t data_size) {
  const auto damaged = [&](const std::string& what) {
    return DataLossError("tensor " + Shown(name) + ": " + what);
  };
  const auto field = [&](const char* key) -> const json* {
    const auto found = value.find(key);
    return found == value.end() ? nullptr : &*found;
  };
  if (!value.is_object()) return damaged("its description is no JSON object");
  const json* dtype = field("dtype");
  const json* shape = field("shape");
  const json* offsets = field("data_offsets");
  if (dtype == nullptr || !dtype->is_string() || shape == nullptr || !shape->is_array() ||
      offsets == nullptr || !offsets->is_array() || offsets->size() != 2) {
    return damaged("its description needs dtype, shape and two data_offsets");
  }
  Entry entry;
  entry.tensor.name = name;
  entry.format = dtype->get<std::string>();
  int64_t elements = 1;
  for (const json& extent : *shape) {
    uint64_t number = 0;
    if (!ReadUnsigned(extent, number) ||
        number > static_cast<uint64_t>(std::numeric_limits<int64_t>::max()) ||
        __builtin_mul_overflow(elements, static_cast<int64_t>(number), &elements)) {
      return damaged("its shape is no list of sizes with a product below 2^63");
    }
    entry.tensor.shape.push_back(static_cast<int64_t>(number));
  }
  if (!ReadUnsigned((*offsets)[0], entry.begin) || !ReadUnsigned((*offsets)[1], entry.end) ||
      entry.begin > entry.end) {
    return damaged("its data_offsets are no range of bytes");
  }
  if (entry.end > data_size) {
    return damaged("it ends at byte " + std::to_string(entry.end) + " of the data, which has " +
                   std::to_string(data_size) + ": " + std::to_string(entry.end - data_size) +
                   " bytes are missing; fetch the file again");
  }
  for (const NamedFormat& format : kFormats) {
    if (format.name != entry.format) continue;
    int64_t size = 0;
    if (__builtin_mul_overflow(elements, static_cast<int64_t>(format.bytes), &size) ||
        static_cast<uint64_t>(size) != entry.end - entry.begin) {
      return damaged("its shape has " + std::to_string(elements) + " elements of " + entry.format +
                     ", but its data_offsets hold " + std::to_string(entry.end - entry.begin) +
                     " bytes");
    }
    if (format.dtype.has_value()) {
      entry.supported = true;
      entry.tensor.dtype = *format.dtype;
    }
  }
  return entry;
}

// The header as JSON. A name that is there twice is damage; the library would keep the last.
StatusOr<json> ParseHeader(std::string_view text) {
  if (NestsTooDeep(text)) return DataLossError("the header nests too deep");
  std::set<std::string> names;
  std::optional<std::string> twice;
  const auto watch = [&](int depth, json::parse_event_t event, json& parsed) {
    if (event == json::parse_event_t::key && depth == 1) {
      const std::string& name = parsed.get_ref<const std::string&>();
      if (!names.insert(name).second) twice = name;
    }
    return true;
  };
  json header = json::parse(text, watch, /*allow_exceptions=*/false);
  if (header.is_discarded() || !header.is_object()) {
    return DataLossError("the header is no JSON object");
  }
  if (twice.has_value()) return DataLossError("tensor " + Shown(*twice) + " is there twice");
  return header;
}

}  // namespace

Status ReadSafetensors(std::span<const std::byte> file, TensorTable& table) {
  ByteCursor cursor(file);
  uint64_t header_size = 0;
  FOOTNOTE_RETURN_IF_ERROR(cursor.Read(header_size, "the header's length"));
  if (header_size > kLongestHeader) {
    return DataLossError("the header is said to have " + std::to_string(header_size) +
                         " bytes; at most " + std::to_string(kLongestHeader) +
                         " are allowed: this is no safetensors file");
  }
  std::span<const std::byte> text;
  FOOTNOTE_RETURN_IF_ERROR(cursor.Take(header_size, text, "the header"));
  const std::span<const std::byte> data = file.subspan(cursor.offset());
  FOOTNOTE_ASSIGN_OR_RETURN(const json header, ParseHeader(AsText(text)));

  std::vector<Entry> entries;
  for (const auto& [name, value] : header.items()) {
    if (name == "__metadata__") continue;
    FOOTNOTE_ASSIGN_OR_RETURN(Entry entry, ReadEntry(name, value, data.size()));
    entry.tensor.bytes = data.subspan(static_cast<size_t>(entry.begin),
                                      static_cast<size_t>(entry.end - entry.begin));
    entries.push_back(std::move(entry));
  }
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    return std::tie(a.begin, a.end, a.tensor.name) < std::tie(b.begin, b.end, b.tensor.name);
  });
  for (size_t i = 1; i < entries.size(); ++i) {
    if (entries[i - 1].end > entries[i].begin) {
      return DataLossError("tensors " + Shown(entries[i - 1].tensor.name) + " and " +
                           Shown(entries[i].tensor.name) + " overlap at byte " +
                           std::to_string(entries[i].begin) + " of the data");
    }
  }
  for (Entry& entry : entries) {
    if (entry.supported) {
      FOOTNOTE_RETURN_IF_ERROR(table.Add(std::move(entry.tensor)));
    } else {
      FOOTNOTE_RETURN_IF_ERROR(
          table.AddUnsupported(std::move(entry.tensor.name), std::move(entry.format)));
    }
  }
  return OkStatus();
}

}  // namespace footnote::generator
