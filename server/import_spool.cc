#include "server/import_spool.h"

#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <utility>

#include "common/text/utf8.h"

namespace footnote::server {
namespace fs = std::filesystem;
namespace {

constexpr size_t kMaxFileNameBytes = 1024;
constexpr size_t kMaxPartBytes = 255;  // of one name on Linux's file systems

}  // namespace

Status CheckFileName(const std::string& file_name) {
  const auto wrong = [&](const std::string& what) {
    return InvalidArgumentError("the file name \"" + ReplaceInvalidUtf8(file_name) + "\" " + what +
                                ": give a relative path such as \"contracts/lease.md\"");
  };
  if (file_name.empty()) return wrong("is empty");
  if (file_name.size() > kMaxFileNameBytes) return wrong("is longer than 1024 bytes");
  if (!IsValidUtf8(file_name)) return wrong("is not valid UTF-8");
  size_t begin = 0;
  while (begin <= file_name.size()) {
    const size_t end = std::min(file_name.find('/', begin), file_name.size());
    const std::string_view part = std::string_view(file_name).substr(begin, end - begin);
    if (part.empty()) return wrong("has an empty part");
    if (part.front() == '.') return wrong("has a part that begins with a full stop");
    if (part.size() > kMaxPartBytes) return wrong("has a part longer than 255 bytes");
    for (const char c : part) {
      if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F || c == '\\') {
        return wrong("has a control character or backslash");
      }
    }
    begin = end + 1;
  }
  return OkStatus();
}

ImportSpool::ImportSpool(fs::path parent, uint64_t max_bytes) : max_bytes_(max_bytes) {
  static std::atomic<uint64_t> count{0};
  folder_ = std::move(parent) / (std::to_string(::getpid()) + "-" + std::to_string(++count));
}

ImportSpool::~ImportSpool() {
  file_.close();
  std::error_code error;
  fs::remove_all(folder_, error);
}

Status ImportSpool::CloseFile() {
  if (name_.empty()) return OkStatus();
  errno = 0;
  file_.close();
  if (file_.fail()) {
    return ErrnoError("cannot keep the file \"" + name_ + "\"", errno == 0 ? EIO : errno);
  }
  name_.clear();
  return OkStatus();
}

Status ImportSpool::BeginFile(const std::string& file_name) {
  FOOTNOTE_RETURN_IF_ERROR(CheckFileName(file_name));
  FOOTNOTE_RETURN_IF_ERROR(CloseFile());
  const fs::path path = folder_ / file_name;
  std::error_code error;
  if (fs::exists(path, error)) {
    return AlreadyExistsError("the file \"" + file_name + "\" comes twice in this import");
  }
  fs::create_directories(path.parent_path(), error);
  if (error) return ErrnoError("cannot keep the file \"" + file_name + "\"", error.value());
  errno = 0;
  file_ = std::ofstream(path, std::ios::binary);
  if (!file_) {
    return ErrnoError("cannot keep the file \"" + file_name + "\"", errno == 0 ? EIO : errno);
  }
  name_ = file_name;
  ++files_;
  return OkStatus();
}

Status ImportSpool::Append(std::string_view bytes) {
  if (name_.empty()) {
    return InvalidArgumentError("content came before the name of its file: send `file` first");
  }
  bytes_ += bytes.size();
  if (bytes_ > max_bytes_) {
    return ResourceExhaustedError("the import is larger than " + std::to_string(max_bytes_ >> 20) +
                                  " MiB: send fewer or smaller files, or use `footnote index`");
  }
  errno = 0;
  file_.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  if (!file_) {
    return ErrnoError("cannot keep the file \"" + name_ + "\"", errno == 0 ? EIO : errno);
  }
  return OkStatus();
}

Status ImportSpool::Close() {
  if (files_ == 0) {
    return InvalidArgumentError("the import holds no file: send `file` and `content`");
  }
  return CloseFile();
}

void ImportSpool::RemoveAbandoned(const fs::path& parent) {
  std::error_code error;
  for (fs::directory_iterator entry(parent, error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    const long pid = std::strtol(name.c_str(), nullptr, 10);
    if (pid <= 0) continue;
    // Pids are used again, but a folder of this very process was left by an earlier one.
    const bool alive =
        pid != ::getpid() && (::kill(static_cast<pid_t>(pid), 0) == 0 || errno == EPERM);
    std::error_code ignored;
    if (!alive) fs::remove_all(entry->path(), ignored);
  }
}

}  // namespace footnote::server
