#include "indexer/parsers/xml_slices.h"

#include <algorithm>
#include <string>

namespace footnote::indexer {
namespace {

// Of elements parsed together: large enough that the parser's own work counts, not the calls.
constexpr size_t kSliceBytes = size_t{1} << 20;

struct Tag {
  bool closing = false;
  bool empty = false;  // "<row/>"
  bool ours = false;
  size_t end = 0;  // behind ">"; the text's size when it never ends
};

Tag ReadTag(std::string_view bytes, size_t at, std::string_view name) {
  Tag tag;
  size_t start = at + 1;
  tag.closing = bytes.substr(start, 1) == "/";
  if (tag.closing) ++start;
  const size_t name_end = std::min(bytes.find_first_of(" \t\r\n/>", start), bytes.size());
  std::string_view found = bytes.substr(std::min(start, bytes.size()), name_end - start);
  found.remove_prefix(std::min(found.rfind(':') + 1, found.size()));  // npos + 1 is 0
  tag.ours = found == name;
  if (!tag.ours) {
    tag.end = name_end;
    return tag;
  }
  const size_t close = bytes.find('>', name_end);
  tag.end = close == std::string_view::npos ? bytes.size() : close + 1;
  tag.empty = close != std::string_view::npos && bytes[close - 1] == '/';
  return tag;
}

Status TakeSlice(std::string_view slice, std::string_view name,
                 const std::function<Status(const XmlNode&)>& take) {
  FOOTNOTE_ASSIGN_OR_RETURN(const XmlDocument document,
                            XmlDocument::Parse("<slice>" + std::string(slice) + "</slice>"));
  for (XmlNode node = document.root().first_child(); node; node = node.next_sibling()) {
    if (node.name() == name) FOOTNOTE_RETURN_IF_ERROR(take(node));
  }
  return OkStatus();
}

}  // namespace

Status ForEachXmlElement(std::string_view bytes, std::string_view name,
                         const std::function<Status(const XmlNode&)>& take) {
  size_t slice = std::string_view::npos;  // where the open one begins
  size_t complete = 0;                    // behind its last whole element
  for (size_t at = bytes.find('<'); at != std::string_view::npos;) {
    const Tag tag = ReadTag(bytes, at, name);
    if (tag.ours) {
      if (slice == std::string_view::npos) slice = at;
      if (tag.closing || tag.empty) complete = tag.end;
      if (complete > slice && complete - slice >= kSliceBytes) {
        FOOTNOTE_RETURN_IF_ERROR(TakeSlice(bytes.substr(slice, complete - slice), name, take));
        slice = std::string_view::npos;
      }
    }
    at = bytes.find('<', tag.end);
  }
  if (slice == std::string_view::npos) return OkStatus();
  if (complete <= slice) return InvalidArgumentError("its XML ends in the middle of an element");
  return TakeSlice(bytes.substr(slice, complete - slice), name, take);
}

}  // namespace footnote::indexer
