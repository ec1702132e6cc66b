#include "indexer/parsers/archive.h"

#include <archive.h>
#include <archive_entry.h>

#include <algorithm>
#include <vector>

#include "common/text/utf8.h"

namespace footnote::indexer {
namespace {

constexpr size_t kReadBytes = 256 << 10;

std::string CleanName(std::string_view name) {
  std::string clean;
  while (!name.empty()) {
    const size_t slash = std::min(name.find_first_of("/\\"), name.size());
    const std::string_view step = name.substr(0, slash);
    name.remove_prefix(std::min(slash + 1, name.size()));
    if (step.empty() || step == "." || step == "..") continue;
    if (!clean.empty()) clean += '/';
    clean += step;
  }
  return ReplaceInvalidUtf8(clean);
}

}  // namespace

struct ArchiveReader::State {
  archive* reader = nullptr;
  archive_entry* entry = nullptr;
  std::filesystem::path path;
  uint64_t* budget = nullptr;
  int64_t entries = 0;

  ~State() {
    if (reader != nullptr) archive_read_free(reader);
  }

  Status Damaged() const {
    const char* why = archive_error_string(reader);
    return InvalidArgumentError("the archive cannot be read: " +
                                std::string(why == nullptr ? "it is damaged" : why));
  }
};

ArchiveReader::ArchiveReader(std::unique_ptr<State> state) : state_(std::move(state)) {}
ArchiveReader::~ArchiveReader() = default;

StatusOr<std::unique_ptr<ArchiveReader>> ArchiveReader::Open(const std::filesystem::path& path,
                                                             uint64_t& budget) {
  auto state = std::make_unique<State>();
  state->path = path;
  state->budget = &budget;
  state->reader = archive_read_new();
  if (state->reader == nullptr) return ResourceExhaustedError("no memory to read the archive");
  // Only filters inside this process: others would start programs.
  archive_read_support_filter_gzip(state->reader);
  archive_read_support_filter_bzip2(state->reader);
  archive_read_support_filter_xz(state->reader);
  archive_read_support_filter_zstd(state->reader);
  archive_read_support_format_zip(state->reader);
  archive_read_support_format_tar(state->reader);
  archive_read_support_format_cpio(state->reader);
  archive_read_support_format_7zip(state->reader);
  archive_read_support_format_raw(state->reader);
  if (archive_read_open_filename(state->reader, path.c_str(), kReadBytes) != ARCHIVE_OK) {
    return state->Damaged();
  }
  return std::unique_ptr<ArchiveReader>(new ArchiveReader(std::move(state)));
}

StatusOr<std::optional<ArchiveEntry>> ArchiveReader::Next() {
  State& state = *state_;
  for (;;) {
    const int result = archive_read_next_header(state.reader, &state.entry);
    if (result == ARCHIVE_EOF) return std::optional<ArchiveEntry>();
    if (result != ARCHIVE_OK && result != ARCHIVE_WARN) return state.Damaged();
    if (++state.entries > kMostArchiveEntries) {
      return ResourceExhaustedError("the archive holds more than " +
                                    std::to_string(kMostArchiveEntries) +
                                    " files: unpack it and index the folder");
    }
    ArchiveEntry entry;
    if (archive_format(state.reader) == ARCHIVE_FORMAT_RAW) {
      if (archive_filter_count(state.reader) < 2) {
        return InvalidArgumentError("the archive cannot be read: it is damaged, or no archive");
      }
      entry.name = CleanName(state.path.stem().string());
      entry.is_whole = true;
      return std::optional(std::move(entry));
    }
    if (archive_entry_filetype(state.entry) != AE_IFREG) continue;
    const char* name = archive_entry_pathname_utf8(state.entry);
    if (name == nullptr) name = archive_entry_pathname(state.entry);
    if (name == nullptr) continue;
    entry.name = CleanName(name);
    if (entry.name.empty()) continue;
    entry.is_encrypted = archive_entry_is_encrypted(state.entry) != 0;
    return std::optional(std::move(entry));
  }
}

uint64_t ArchiveReader::bytes_read() const {
  return static_cast<uint64_t>(std::max<int64_t>(archive_filter_bytes(state_->reader, -1), 0));
}

Status ArchiveReader::Read(const std::function<Status(std::string_view)>& take) {
  State& state = *state_;
  std::vector<char> buffer(kReadBytes);
  for (;;) {
    const la_ssize_t got = archive_read_data(state.reader, buffer.data(), buffer.size());
    if (got == 0) return OkStatus();
    if (got == ARCHIVE_RETRY) continue;
    if (got < 0) return state.Damaged();
    const auto bytes = static_cast<uint64_t>(got);
    *state.budget -= std::min(bytes, *state.budget);
    if (*state.budget == 0) return ResourceExhaustedError("it unpacks to more than is allowed");
    FOOTNOTE_RETURN_IF_ERROR(take({buffer.data(), static_cast<size_t>(got)}));
  }
}

}  // namespace footnote::indexer
