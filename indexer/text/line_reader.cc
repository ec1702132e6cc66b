#include "indexer/text/line_reader.h"

#include <cerrno>

namespace footnote::indexer {

StatusOr<LineReader> LineReader::Open(const std::filesystem::path& path, uint64_t max_line_bytes) {
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  if (!file) return ErrnoError("cannot open " + path.string(), errno == 0 ? EIO : errno);
  return LineReader(std::move(file), max_line_bytes);
}

bool LineReader::Fill() {
  constexpr size_t kPiece = 1 << 20;
  buffer_.resize(kPiece);
  file_.read(buffer_.data(), kPiece);
  buffer_.resize(static_cast<size_t>(file_.gcount()));
  at_ = 0;
  failed_ = failed_ || file_.bad();
  return !buffer_.empty();
}

LineReader::Result LineReader::Next(std::string& line) {
  line.clear();
  bool any = false;
  bool too_long = false;
  while (true) {
    if (at_ >= buffer_.size() && !Fill()) break;
    any = true;
    const size_t newline = buffer_.find('\n', at_);
    const size_t end = newline == std::string::npos ? buffer_.size() : newline;
    if (line.size() + (end - at_) > max_line_bytes_) {
      too_long = true;
      line.clear();
    } else if (!too_long) {
      line.append(buffer_, at_, end - at_);
    }
    bytes_read_ += end - at_;
    at_ = end;
    if (newline != std::string::npos) {
      ++at_;
      ++bytes_read_;
      break;
    }
  }
  if (!any) return Result::kEnd;
  ++line_number_;
  if (!line.empty() && line.back() == '\r') line.pop_back();
  return too_long ? Result::kTooLong : Result::kLine;
}

}  // namespace footnote::indexer
