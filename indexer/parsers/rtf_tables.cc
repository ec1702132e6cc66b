#include "indexer/parsers/rtf_tables.h"

#include <cctype>
#include <utility>

#include "indexer/parsers/rtf_text.h"
#include "indexer/text/cleaner.h"

namespace footnote::indexer {
namespace {

constexpr size_t kMostEntries = 32768;  // numbers have 16 bits
constexpr size_t kLongestName = 100;    // bytes
constexpr int32_t kDeepestOutline = 8;  // 9 is body text

// The entry of that number; null when there are too many.
template <typename T>
T* Entry(std::map<int32_t, T>& table, int32_t number) {
  if (table.size() >= kMostEntries && !table.contains(number)) return nullptr;
  return &table[number];
}

void AppendName(std::string_view bytes, std::string& name) {
  if (name.size() < kLongestName) name += bytes.substr(0, kLongestName);
}

}  // namespace

void RtfTables::AddFontName(int32_t font, std::string_view bytes) {
  if (Font* entry = Entry(fonts_, font)) AppendName(bytes, entry->name);
}

void RtfTables::SetFontCharset(int32_t font, std::string charset) {
  if (Font* entry = Entry(fonts_, font)) entry->charset = std::move(charset);
}

void RtfTables::AddStyleName(int32_t style, std::string_view bytes) {
  if (Style* entry = Entry(styles_, style)) AppendName(bytes, entry->name);
}

void RtfTables::SetStyleOutline(int32_t style, int32_t outline) {
  if (Style* entry = Entry(styles_, style)) entry->outline = outline;
}

std::string_view RtfTables::Charset(int32_t font, std::string_view otherwise) const {
  const auto found = fonts_.find(font);
  if (found == fonts_.end() || found->second.charset.empty()) return otherwise;
  const Font& entry = found->second;
  if (entry.charset == kDingbatsCharset && entry.name.starts_with("Symbol")) return kSymbolCharset;
  return entry.charset;
}

int RtfTables::HeadingLevel(int32_t style, int32_t outline) const {
  if (outline >= 0) return outline <= kDeepestOutline ? outline + 1 : 0;
  const auto found = styles_.find(style);
  if (found == styles_.end()) return 0;
  const Style& entry = found->second;
  if (entry.outline >= 0 && entry.outline <= kDeepestOutline) return entry.outline + 1;
  std::string name = CollapseSpace(entry.name.substr(0, entry.name.find(';')));
  for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  if (name == "title") return 1;
  const bool heading = name.size() == 9 && name.starts_with("heading ");
  return heading && name[8] >= '1' && name[8] <= '9' ? name[8] - '0' : 0;
}

}  // namespace footnote::indexer
