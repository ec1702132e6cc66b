#include "indexer/parsers/rst_inline.h"

#include <cctype>

#include "indexer/text/cleaner.h"

namespace footnote::indexer {
namespace {

bool IsWord(char c) { return c < 0 || std::isalnum(static_cast<unsigned char>(c)) != 0; }
bool IsSpace(char c) { return c == ' ' || c == '\n' || c == '\t'; }

// "text <target>" -> "text"; "~package.name" -> "name"; "!text" -> "text".
std::string_view TextOfReference(std::string_view content) {
  if (content.ends_with('>')) {
    const size_t open = content.rfind('<');
    const std::string_view text = TrimSpace(content.substr(0, open));
    // "<url>" alone is shown as it is.
    return text.empty() ? content.substr(open + 1, content.size() - open - 2) : text;
  }
  if (content.starts_with('~')) {
    const size_t dot = content.rfind('.');
    return dot == std::string_view::npos ? content.substr(1) : content.substr(dot + 1);
  }
  if (content.starts_with('!')) content.remove_prefix(1);
  return content;
}

class InlineRenderer {
 public:
  InlineRenderer(std::string_view text, const RstSubstitutions& substitutions)
      : text_(text), substitutions_(substitutions) {}

  std::string Render() {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '\\') {
        TakeEscape();
      } else if (!(c == '`' || c == '*' || c == '|' || c == ':' || c == '_') || !TakeMarkup(c)) {
        out_ += c;
        ++at_;
      }
    }
    return CollapseSpace(out_);
  }

 private:
  char Before() const { return at_ == 0 ? ' ' : text_[at_ - 1]; }

  // A mark opens when it stands at a word's beginning, before text.
  bool Opens(size_t length) const {
    return !IsWord(Before()) && at_ + length < text_.size() && !IsSpace(text_[at_ + length]);
  }

  // Where `mark` closes what was opened at `start`; npos when nowhere.
  size_t FindClose(std::string_view mark, size_t start) const {
    // Without a limit, many marks that never close would take quadratic time.
    constexpr size_t kLongest = 1000;
    const std::string_view text = text_.substr(0, start + kLongest);
    for (size_t i = text.find(mark, start + 1); i != std::string_view::npos;
         i = text.find(mark, i + 1)) {
      const bool escaped = mark != "``" && text_[i - 1] == '\\';
      const size_t behind = i + mark.size();
      if (escaped || IsSpace(text_[i - 1])) continue;
      if (behind >= text_.size() || !IsWord(text_[behind])) return i;
    }
    return std::string_view::npos;
  }

  void TakeEscape() {
    ++at_;
    if (at_ >= text_.size()) return;
    if (!IsSpace(text_[at_])) out_ += text_[at_];  // an escaped space only ends markup
    ++at_;
  }

  // True when markup begins here; it was taken then.
  bool TakeMarkup(char c) {
    switch (c) {
      case '`':
        if (text_.substr(at_).starts_with("``")) return TakeSpan("``");
        return TakeInterpreted(at_);
      case '*':
        return text_.substr(at_).starts_with("**") ? TakeSpan("**") : TakeSpan("*");
      case '|':
        return TakeSubstitution();
      case ':':
        return TakeRole();
      default:
        return TakeUnderscore();
    }
  }

  bool TakeSpan(std::string_view mark) {
    if (!Opens(mark.size())) return false;
    const size_t start = at_ + mark.size();
    const size_t close = FindClose(mark, start);
    if (close == std::string_view::npos) return false;
    out_ += text_.substr(start, close - start);
    at_ = close + mark.size();
    return true;
  }

  // "`text <url>`__" or "`text`:role:" with the quotation mark at `open`.
  bool TakeInterpreted(size_t open) {
    if (open + 1 >= text_.size() || IsSpace(text_[open + 1])) return false;
    const size_t close = FindClose("`", open + 1);
    if (close == std::string_view::npos) return false;
    out_ += TextOfReference(text_.substr(open + 1, close - open - 1));
    at_ = close + 1;
    while (at_ < text_.size() && text_[at_] == '_') ++at_;
    if (const size_t role = RoleLength(at_); role > 0) at_ += role;
    return true;
  }

  bool TakeSubstitution() {
    if (!Opens(1)) return false;
    const size_t close = FindClose("|", at_ + 1);
    if (close == std::string_view::npos) return false;
    const std::string_view name = text_.substr(at_ + 1, close - at_ - 1);
    const auto found = substitutions_.find(name);
    out_ += found == substitutions_.end() ? name : std::string_view(found->second);
    at_ = close + 1;
    while (at_ < text_.size() && text_[at_] == '_') ++at_;
    return true;
  }

  // Length of ":role:" at `start`; 0 when there is none.
  size_t RoleLength(size_t start) const {
    constexpr size_t kLongest = 40;
    if (start >= text_.size() || text_[start] != ':') return 0;
    for (size_t i = start + 1; i < text_.size() && i - start < kLongest; ++i) {
      if (text_[i] == ':' && i > start + 1 && (i + 1 >= text_.size() || !IsWord(text_[i + 1]))) {
        return i + 1 - start;
      }
      if (!IsWord(text_[i]) && std::string_view("-_.+:").find(text_[i]) == std::string_view::npos) {
        return 0;
      }
    }
    return 0;
  }

  bool TakeRole() {
    const size_t length = IsWord(Before()) ? 0 : RoleLength(at_);
    const size_t open = at_ + length;
    return length > 0 && open < text_.size() && text_[open] == '`' && TakeInterpreted(open);
  }

  // "__init__" is no reference.
  bool WordBeginsWithUnderscore() const {
    constexpr size_t kLongest = 100;
    size_t start = at_;
    while (start > 0 && at_ - start < kLongest &&
           (IsWord(text_[start - 1]) || text_[start - 1] == '_')) {
      --start;
    }
    return text_[start] == '_';
  }

  // "name_" refers, "_`name`" is a target.
  bool TakeUnderscore() {
    const size_t next = at_ + 1;
    if (next < text_.size() && text_[next] == '`' && !IsWord(Before()))
      return TakeInterpreted(next);
    const bool refers = Before() == ']' || (IsWord(Before()) && !WordBeginsWithUnderscore());
    const size_t behind = next < text_.size() && text_[next] == '_' ? next + 1 : next;
    if (!refers || (behind < text_.size() && (IsWord(text_[behind]) || text_[behind] == '_'))) {
      return false;
    }
    at_ = behind;
    return true;
  }

  std::string_view text_;
  const RstSubstitutions& substitutions_;
  size_t at_ = 0;
  std::string out_;
};

}  // namespace

std::string RenderRstInline(std::string_view text, const RstSubstitutions& substitutions) {
  return InlineRenderer(text, substitutions).Render();
}

}  // namespace footnote::indexer
