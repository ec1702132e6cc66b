#include "indexer/parsers/mdoc_line.h"

#include <algorithm>
#include <array>

namespace footnote::indexer {
namespace {

// What stands before and behind the arguments of a macro.
struct MacroStyle {
  std::string_view name;
  std::string_view before;
  std::string_view after;
};

constexpr auto kStyles = std::to_array<MacroStyle>({
    {"%A", "", ","},
    {"%B", "", ","},
    {"%D", "", "."},
    {"%J", "", ","},
    {"%N", "", ","},
    {"%P", "", ","},
    {"%R", "", ","},
    {"%T", "“", "”,"},
    {"%V", "", ","},
    {"Ad", "", ""},
    {"An", "", ""},
    {"Ao", "<", ""},
    {"Ac", ">", ""},
    {"Aq", "<", ">"},
    {"Ar", "", ""},
    {"Bo", "[", ""},
    {"Bc", "]", ""},
    {"Bq", "[", "]"},
    {"Bro", "{", ""},
    {"Brc", "}", ""},
    {"Brq", "{", "}"},
    {"Cd", "", ""},
    {"Cm", "", ""},
    {"Do", "“", ""},
    {"Dc", "”", ""},
    {"Dq", "“", "”"},
    {"Dv", "", ""},
    {"Em", "", ""},
    {"Er", "", ""},
    {"Ev", "", ""},
    {"Fa", "", ""},
    {"Fd", "", ""},
    {"Fl", "-", ""},
    {"Fn", "", "()"},
    {"Ft", "", ""},
    {"Ic", "", ""},
    {"In", "#include <", ">"},
    {"Lb", "", ""},
    {"Li", "", ""},
    {"Lk", "", ""},
    {"Ms", "", ""},
    {"Mt", "", ""},
    {"Nd", "- ", ""},
    {"Nm", "", ""},
    {"No", "", ""},
    {"Ns", "", ""},
    {"Oo", "[", ""},
    {"Oc", "]", ""},
    {"Op", "[", "]"},
    {"Pa", "", ""},
    {"Po", "(", ""},
    {"Pc", ")", ""},
    {"Pq", "(", ")"},
    {"Ql", "‘", "’"},
    {"Qo", "\"", ""},
    {"Qc", "\"", ""},
    {"Qq", "\"", "\""},
    {"So", "‘", ""},
    {"Sc", "’", ""},
    {"Sq", "‘", "’"},
    {"St", "", ""},
    {"Sx", "", ""},
    {"Sy", "", ""},
    {"Tn", "", ""},
    {"Va", "", ""},
    {"Vt", "", ""},
    {"Xr", "", ""},
    {"Xo", "", ""},
    {"Xc", "", ""},
    {"Ap", "'", ""},
    {"At", "AT&T UNIX", ""},
    {"Bx", "BSD", ""},
    {"Fx", "FreeBSD", ""},
    {"Nx", "NetBSD", ""},
    {"Ox", "OpenBSD", ""},
    {"Ux", "UNIX", ""},
    {"Dx", "DragonFly", ""},
});

const MacroStyle* FindStyle(std::string_view macro) {
  const auto* found = std::find_if(kStyles.begin(), kStyles.end(),
                                   [&](const MacroStyle& style) { return style.name == macro; });
  return found == kStyles.end() ? nullptr : found;
}

// Macros within macros of one line. Pages nest three or four; a line of thousands would take the
// stack.
constexpr int kDeepestMacro = 64;

bool IsClosing(std::string_view word) {
  return word.size() == 1 && std::string_view(".,:;)]?!").find(word[0]) != std::string_view::npos;
}

bool IsOpening(std::string_view word) { return word == "(" || word == "["; }

// Writes one line, macro by macro.
class LineRenderer {
 public:
  LineRenderer(const std::vector<std::string>& words, const std::string& page_name)
      : words_(words), page_name_(page_name) {}

  std::string Render(std::string_view macro) {
    Macro(macro);
    return std::move(out_);
  }

 private:
  void Append(std::string_view word) {
    if (!glued_ && !out_.empty() && !IsClosing(word)) out_ += ' ';
    out_ += word;
    glued_ = IsOpening(word);
  }

  // A macro and its arguments up to the line's end; a macro among them takes over.
  void Macro(std::string_view macro) {
    const MacroStyle* style = FindStyle(macro);
    if (macro == "Ns" || macro == "Ap") glued_ = true;
    if (macro == "Ns") return Words("");
    if (!style->before.empty()) {
      Append(style->before);
      glued_ = style->after != "" || macro == "Fl" || macro.back() == 'o' || macro == "Ap";
      if (macro == "Nd") glued_ = true;
    }
    if (macro == "Nm" && (at_ >= words_.size() || IsClosing(words_[at_]))) Append(page_name_);
    if (macro == "Fn") return Function();
    if (macro == "Xr") return Reference();
    Words(macro);
    if (!style->after.empty()) {
      // Punctuation at the line's end stands behind the closing mark.
      std::string tail;
      while (!out_.empty() && IsClosing(out_.substr(out_.size() - 1)) && tail_ > 0) {
        tail.insert(tail.begin(), out_.back());
        out_.pop_back();
        --tail_;
      }
      out_ += style->after;
      out_ += tail;
      tail_ = tail.size();
    }
  }

  void Words(std::string_view macro) {
    while (at_ < words_.size()) {
      const std::string& word = words_[at_];
      ++at_;
      if (FindStyle(word) != nullptr && depth_ < kDeepestMacro) {
        ++depth_;
        Macro(word);
        --depth_;
        return;
      }
      Append(word);
      if (macro == "Fl" && at_ < words_.size() && !IsClosing(words_[at_]) &&
          FindStyle(words_[at_]) == nullptr) {
        Append("-");
        glued_ = true;
      }
      tail_ = IsClosing(word) ? tail_ + 1 : 0;
    }
  }

  void Function() {
    if (at_ >= words_.size()) return;
    Append(words_[at_++]);
    out_ += '(';
    glued_ = true;
    bool first = true;
    while (at_ < words_.size() && !IsClosing(words_[at_]) && FindStyle(words_[at_]) == nullptr) {
      if (!first) out_ += ", ";
      glued_ = true;
      Append(words_[at_++]);
      first = false;
    }
    out_ += ')';
    glued_ = false;
    Words("");
  }

  void Reference() {
    if (at_ >= words_.size()) return;
    Append(words_[at_++]);
    if (at_ < words_.size() && !IsClosing(words_[at_]) && FindStyle(words_[at_]) == nullptr) {
      out_ += "(" + words_[at_++] + ")";
    }
    glued_ = false;
    Words("");
  }

  const std::vector<std::string>& words_;
  const std::string& page_name_;
  size_t at_ = 0;
  int depth_ = 0;       // macros that are being written
  size_t tail_ = 0;     // closing punctuation words at the end of `out_`
  bool glued_ = false;  // no space before the next word
  std::string out_;
};

}  // namespace

bool IsMdocInline(std::string_view macro) { return FindStyle(macro) != nullptr; }

std::string RenderMdocLine(std::string_view macro, const std::vector<std::string>& arguments,
                           const std::string& page_name) {
  if (!IsMdocInline(macro)) return "";
  return LineRenderer(arguments, page_name).Render(macro);
}

}  // namespace footnote::indexer
