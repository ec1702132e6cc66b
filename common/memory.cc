#include "common/memory.h"

#include <malloc.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <optional>
#include <utility>

#include "common/file.h"

namespace footnote {
namespace {

constexpr uint64_t kMebibyte = uint64_t{1} << 20;

// The number in a file of one line; nothing for "max", and where there is no such file.
std::optional<uint64_t> NumberIn(const std::filesystem::path& path) {
  const StatusOr<std::string> text = ReadFile(path, 4096);
  uint64_t number = 0;
  if (!text.ok() ||
      std::from_chars(text->data(), text->data() + text->size(), number).ec != std::errc()) {
    return std::nullopt;
  }
  return number;
}

// The path of this process's group in a line "0::/path" of /proc/self/cgroup, or "4:memory:/path".
std::string GroupPath(std::string_view lines, std::string_view controllers) {
  while (!lines.empty()) {
    const size_t end = std::min(lines.find('\n'), lines.size());
    const std::string_view line = lines.substr(0, end);
    lines.remove_prefix(std::min(end + 1, lines.size()));
    const size_t first = line.find(':');
    const size_t second = line.find(':', first + 1);
    if (second == std::string_view::npos) continue;
    if (line.substr(first + 1, second - first - 1) == controllers) {
      return std::string(line.substr(second + 1));
    }
  }
  return "";
}

// The least limit of the group and of those around it. In a container the path may name folders
// that only the host sees; the limit then stands at the root.
uint64_t GroupLimit(const std::filesystem::path& root, std::filesystem::path group,
                    const char* file) {
  uint64_t limit = NumberIn(root / file).value_or(UINT64_MAX);
  for (group = group.relative_path(); !group.empty(); group = group.parent_path()) {
    limit = std::min(limit, NumberIn(root / group / file).value_or(UINT64_MAX));
  }
  return limit;
}

}  // namespace

StatusOr<uint64_t> ParseByteSize(std::string_view text) {
  constexpr std::pair<std::string_view, double> kUnits[] = {
      {"KiB", 1024.0}, {"MiB", 1048576.0}, {"GiB", 1073741824.0}, {"TiB", 1099511627776.0},
      {"kB", 1e3},     {"MB", 1e6},        {"GB", 1e9},           {"TB", 1e12},
      {"B", 1.0}};
  std::string_view number = text;
  double unit = 1;
  for (const auto& [name, bytes] : kUnits) {
    if (!text.ends_with(name)) continue;
    number.remove_suffix(name.size());
    unit = bytes;
    break;
  }
  while (number.ends_with(' ')) number.remove_suffix(1);
  double count = 0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), count,
                                            std::chars_format::fixed);
  if (error != std::errc() || end != number.data() + number.size() || !(count * unit >= 1) ||
      !(count * unit < 1e18)) {
    return InvalidArgumentError("an amount of memory is written as 512MiB or 4GiB, not \"" +
                                std::string(text) + "\"");
  }
  return static_cast<uint64_t>(count * unit);
}

std::string ByteSizeText(uint64_t bytes) {
  return std::to_string(bytes / kMebibyte + (bytes % kMebibyte != 0 ? 1 : 0)) + "MiB";
}

uint64_t MachineMemoryBytes() {
  const auto pages = static_cast<uint64_t>(std::max(0L, ::sysconf(_SC_PHYS_PAGES)));
  uint64_t bytes = pages * static_cast<uint64_t>(std::max(0L, ::sysconf(_SC_PAGESIZE)));
  const StatusOr<std::string> groups = ReadFile("/proc/self/cgroup", 1 << 16);
  if (!groups.ok()) return bytes;
  const std::filesystem::path root = "/sys/fs/cgroup";
  bytes = std::min(bytes, GroupLimit(root, GroupPath(*groups, ""), "memory.max"));
  return std::min(
      bytes, GroupLimit(root / "memory", GroupPath(*groups, "memory"), "memory.limit_in_bytes"));
}

uint64_t ResidentBytes() {
  // Pages: of the address space, then resident.
  const StatusOr<std::string> text = ReadFile("/proc/self/statm", 4096);
  if (!text.ok()) return 0;
  const size_t space = text->find(' ');
  uint64_t pages = 0;
  if (space == std::string::npos) return 0;
  std::from_chars(text->data() + space + 1, text->data() + text->size(), pages);
  return pages * static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
}

uint64_t PeakResidentBytes() {
  struct rusage usage {};
  if (::getrusage(RUSAGE_SELF, &usage) != 0) return 0;
  return static_cast<uint64_t>(usage.ru_maxrss) * 1024;
}

void ReturnFreedMemory() { ::malloc_trim(0); }

void KeepNoLargeBlocks() { ::mallopt(M_MMAP_THRESHOLD, 256 << 10); }

}  // namespace footnote
