#include "indexer/parsers/package.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "indexer/parsers/archive.h"

namespace footnote::indexer {

StatusOr<Package> Package::Read(const SourceFile& file,
                                const std::function<bool(std::string_view)>& wanted) {
  Package package;
  uint64_t budget = file.limit.bytes;
  FOOTNOTE_ASSIGN_OR_RETURN(std::unique_ptr<ArchiveReader> archive,
                            ArchiveReader::Open(file.path, budget));
  for (;;) {
    FOOTNOTE_ASSIGN_OR_RETURN(const std::optional<ArchiveEntry> entry, archive->Next());
    if (!entry) return package;
    if (!wanted(entry->name)) continue;
    if (entry->is_encrypted) {
      return InvalidArgumentError("it is protected by a password: save it without one");
    }
    std::string& part = package.parts_[entry->name];
    part.clear();
    const Status read = archive->Read([&](std::string_view bytes) {
      part += bytes;
      return OkStatus();
    });
    if (read.code() == StatusCode::kResourceExhausted) {
      return TooLargeError("what it unpacks to", file.limit);
    }
    FOOTNOTE_RETURN_IF_ERROR(read);
  }
}

const std::string* Package::Find(std::string_view name) const {
  const auto found = parts_.find(name);
  return found == parts_.end() ? nullptr : &found->second;
}

void Package::Drop(std::string_view name) {
  const auto found = parts_.find(name);
  if (found != parts_.end()) parts_.erase(found);
}

StatusOr<XmlDocument> ParsePart(const Package& package, std::string_view name) {
  const std::string* bytes = package.Find(name);
  if (bytes == nullptr) {
    return InvalidArgumentError("it has no part " + std::string(name) +
                                ": it is damaged, or not what its name says");
  }
  StatusOr<XmlDocument> document = XmlDocument::Parse(*bytes);
  if (!document.ok()) return document.status().WithContext("part " + std::string(name));
  return document;
}

std::string ResolvePart(std::string_view from, std::string_view target) {
  std::vector<std::string_view> steps;
  const auto add = [&steps](std::string_view path) {
    while (!path.empty()) {
      const size_t slash = std::min(path.find('/'), path.size());
      const std::string_view step = path.substr(0, slash);
      path.remove_prefix(std::min(slash + 1, path.size()));
      if (step == "..") {
        if (!steps.empty()) steps.pop_back();
      } else if (!step.empty() && step != ".") {
        steps.push_back(step);
      }
    }
  };
  if (!target.starts_with('/')) {
    const size_t slash = from.rfind('/');
    if (slash != std::string_view::npos) add(from.substr(0, slash));
  }
  add(target);
  std::string name;
  for (const std::string_view step : steps) {
    if (!name.empty()) name += '/';
    name += step;
  }
  return name;
}

bool HeadNamesPart(std::string_view head, std::string_view name) {
  // A local entry: "PK\3\4", 22 bytes, length of the name (2 bytes), of what is extra (2), the
  // name.
  constexpr size_t kHeader = 30;
  for (size_t at = head.find("PK\x03\x04"); at != std::string_view::npos;
       at = head.find("PK\x03\x04", at + 4)) {
    if (head.size() < at + kHeader) return false;
    const auto length = static_cast<size_t>(static_cast<unsigned char>(head[at + 26])) |
                        static_cast<size_t>(static_cast<unsigned char>(head[at + 27])) << 8;
    if (head.substr(at + kHeader, length) == name) return true;
  }
  return false;
}

}  // namespace footnote::indexer
