#include "generator/weights/gguf_split.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <string_view>
#include <utility>

#include "generator/weights/byte_cursor.h"

namespace footnote::generator {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kOf = "-of-";
constexpr std::string_view kExtension = ".gguf";
constexpr size_t kDigits = 5;          // or more
constexpr int64_t kMostParts = 65535;  // split.count has 16 bits

struct PartName {
  std::string stem;  // before "-00001-of-00003.gguf"
  int64_t number = 0;
  int64_t count = 0;
};

// Takes the number at the end of `text`, of five digits or more.
std::optional<int64_t> TakeNumber(std::string_view& text) {
  size_t begin = text.size();
  while (begin > 0 && text[begin - 1] >= '0' && text[begin - 1] <= '9') --begin;
  int64_t number = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data() + begin, end, number);
  if (text.size() - begin < kDigits || error != std::errc() || stop != end) return std::nullopt;
  text = text.substr(0, begin);
  return number;
}

bool TakeEnd(std::string_view& text, std::string_view end) {
  if (!text.ends_with(end)) return false;
  text.remove_suffix(end.size());
  return true;
}

std::optional<PartName> ParsePartName(std::string_view name) {
  if (!TakeEnd(name, kExtension)) return std::nullopt;
  const std::optional<int64_t> count = TakeNumber(name);
  if (!count.has_value() || !TakeEnd(name, kOf)) return std::nullopt;
  const std::optional<int64_t> number = TakeNumber(name);
  if (!number.has_value() || !TakeEnd(name, "-") || *number < 1 || *number > *count) {
    return std::nullopt;
  }
  return PartName{std::string(name), *number, *count};
}

std::string Padded(int64_t number) {
  const std::string digits = std::to_string(number);
  return std::string(digits.size() < kDigits ? kDigits - digits.size() : 0, '0') + digits;
}

std::string NameOfPart(const std::string& stem, int64_t number, int64_t count) {
  return stem + "-" + Padded(number) + std::string(kOf) + Padded(count) + std::string(kExtension);
}

}  // namespace

StatusOr<GgufSplit> ReadGgufSplit(const GgufMetadata& metadata) {
  GgufSplit split;
  if (metadata.Has("split.count")) {
    FOOTNOTE_ASSIGN_OR_RETURN(split.count, metadata.GetInt("split.count"));
    if (split.count == 0) split.count = 1;  // some writers mean "not split"
  }
  if (split.count == 1) return split;
  FOOTNOTE_ASSIGN_OR_RETURN(split.part, metadata.GetInt("split.no"));
  if (metadata.Has("split.tensors.count")) {
    FOOTNOTE_ASSIGN_OR_RETURN(split.tensors, metadata.GetInt("split.tensors.count"));
  }
  if (split.count < 1 || split.count > kMostParts || split.part < 0 || split.part >= split.count) {
    return DataLossError("the file is said to be part " + std::to_string(split.part) +
                         " (split.no, from 0) of " + std::to_string(split.count) +
                         " (split.count), which cannot be");
  }
  return split;
}

StatusOr<std::vector<fs::path>> GgufParts(const fs::path& one, const GgufSplit& split) {
  const std::optional<PartName> name = ParsePartName(one.filename().string());
  if (!name.has_value() || name->number != split.part + 1 || name->count != split.count) {
    return FailedPreconditionError(
        "the file is part " + std::to_string(split.part + 1) + " of a model in " +
        std::to_string(split.count) + " files, which are found by their names; rename it to " +
        NameOfPart("NAME", split.part + 1, split.count) + ", beside the others");
  }
  std::vector<fs::path> parts;
  for (int64_t number = 1; number <= split.count; ++number) {
    parts.push_back(one.parent_path() / NameOfPart(name->stem, number, split.count));
  }
  parts[static_cast<size_t>(split.part)] = one;  // as it was named
  return parts;
}

StatusOr<std::vector<fs::path>> GgufModelsIn(const fs::path& folder) {
  std::vector<fs::path> files;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    if (entry->path().extension() == kExtension) files.push_back(entry->path());
  }
  if (error) return ErrnoError("cannot list " + Shown(folder.string()), error.value());
  std::ranges::sort(files);
  std::vector<fs::path> models;
  std::map<std::pair<std::string, int64_t>, size_t> sets;
  for (const fs::path& file : files) {
    const std::optional<PartName> name = ParsePartName(file.filename().string());
    if (name.has_value() && name->count > 1 &&
        !sets.emplace(std::pair(name->stem, name->count), models.size()).second) {
      continue;
    }
    models.push_back(file);
  }
  return models;
}

}  // namespace footnote::generator
