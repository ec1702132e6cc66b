#include "indexer/chunking/context.h"

#include <algorithm>

#include "common/text/utf8.h"
#include "indexer/text/cleaner.h"

namespace footnote::indexer {
namespace {

// At most `longest` bytes, cut between words when there is a space in the last half.
std::string Shorten(std::string_view text, size_t longest) {
  std::string line = CollapseSpace(text);
  if (line.size() <= longest) return line;
  line.resize(Utf8Floor(line, longest));
  const size_t space = line.rfind(' ');
  if (space != std::string::npos && space > longest / 2) line.resize(space);
  return line;
}

std::string Join(const std::vector<std::string>& parts) {
  std::string text;
  for (const std::string& part : parts) {
    if (!text.empty()) text += " > ";
    text += part;
  }
  return text;
}

}  // namespace

Context MakeContext(std::string_view title, const std::vector<std::string>& path,
                    const Embedder& embedder, int max_tokens) {
  constexpr size_t kLongestPart = 80;
  std::vector<std::string> parts;
  const auto add = [&](std::string_view part) {
    std::string shortened = Shorten(part, kLongestPart);
    if (!shortened.empty() && (parts.empty() || parts.back() != shortened)) {
      parts.push_back(std::move(shortened));
    }
  };
  add(title);
  for (const std::string& heading : path) add(heading);
  Context context;
  while (true) {
    context.text = Join(parts);
    context.tokens = context.text.empty() ? 0 : embedder.CountTokens(context.text);
    if (context.tokens <= max_tokens) return context;
    if (parts.size() > 2) {
      parts.erase(parts.begin() + 1);
    } else if (parts.size() == 2) {
      parts.pop_back();
    } else {
      const std::string shorter = Shorten(parts[0], parts[0].size() * 2 / 3);
      if (shorter.empty()) return Context();
      parts[0] = shorter;
    }
  }
}

}  // namespace footnote::indexer
