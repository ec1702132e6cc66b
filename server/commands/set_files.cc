#include "server/commands/set_files.h"

namespace footnote::server {

std::string FileFor(std::string pattern, std::string_view mark, std::string_view name) {
  const size_t at = pattern.find(mark);
  if (at != std::string::npos) pattern.replace(at, mark.size(), name);
  return pattern;
}

Status CheckMark(std::string_view option, const std::string& file, std::string_view mark,
                 std::string_view what, size_t count) {
  if (count < 2 || file.empty() || file.find(mark) != std::string::npos) return OkStatus();
  const std::string stands_for(mark);
  return InvalidArgumentError(std::string(option) + " " + file + ": with several " +
                              std::string(what) + " the file's name must hold " + stands_for +
                              ", which stands for the name of each");
}

}  // namespace footnote::server
