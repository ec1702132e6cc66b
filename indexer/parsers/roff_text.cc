#include "indexer/parsers/roff_text.h"

#include <algorithm>
#include <array>
#include <cstdlib>

#include "common/text/utf8.h"

namespace footnote::indexer {
namespace {

struct NamedCharacter {
  std::string_view name;
  std::string_view text;
};

// What pages use: punctuation, quotation marks, arrows, mathematics, Latin accents.
constexpr auto kCharacters = std::to_array<NamedCharacter>({
    {"!=", "≠"}, {"%0", "‰"}, {"'A", "Á"}, {"'E", "É"}, {"'I", "Í"}, {"'O", "Ó"},  {"'U", "Ú"},
    {"'a", "á"}, {"'e", "é"}, {"'i", "í"}, {"'o", "ó"}, {"'u", "ú"}, {"'y", "ý"},  {"*a", "α"},
    {"*b", "β"}, {"*d", "δ"}, {"*l", "λ"}, {"*m", "μ"}, {"*p", "π"}, {"*s", "σ"},  {"+-", "±"},
    {",C", "Ç"}, {",c", "ç"}, {"-+", "∓"}, {"->", "→"}, {"/O", "Ø"}, {"/o", "ø"},  {"12", "½"},
    {"14", "¼"}, {"34", "¾"}, {":A", "Ä"}, {":O", "Ö"}, {":U", "Ü"}, {":a", "ä"},  {":e", "ë"},
    {":i", "ï"}, {":o", "ö"}, {":u", "ü"}, {"<-", "←"}, {"<=", "≤"}, {"<>", "↔"},  {"==", "≡"},
    {"=>", "⇒"}, {">=", "≥"}, {"Bq", "„"}, {"Co", "©"}, {"Cs", "¤"}, {"Do", "$"},  {"Eu", "€"},
    {"Fc", "»"}, {"Fo", "«"}, {"Of", "ª"}, {"Om", "º"}, {"Po", "£"}, {"Sd", "ð"},  {"TP", "Þ"},
    {"Tp", "þ"}, {"Ye", "¥"}, {"^A", "Â"}, {"^a", "â"}, {"^e", "ê"}, {"^i", "î"},  {"^o", "ô"},
    {"^u", "û"}, {"`A", "À"}, {"`E", "È"}, {"`a", "à"}, {"`e", "è"}, {"`i", "ì"},  {"`o", "ò"},
    {"`u", "ù"}, {"aa", "´"}, {"ap", "~"}, {"aq", "'"}, {"at", "@"}, {"ba", "|"},  {"bq", "‚"},
    {"br", "|"}, {"bu", "•"}, {"bv", "|"}, {"ci", "○"}, {"co", "©"}, {"cq", "’"},  {"ct", "¢"},
    {"dA", "⇓"}, {"da", "↓"}, {"de", "°"}, {"dg", "†"}, {"di", "÷"}, {"dq", "\""}, {"em", "—"},
    {"en", "–"}, {"eq", "="}, {"eu", "€"}, {"fm", "′"}, {"ga", "`"}, {"ha", "^"},  {"hy", "-"},
    {"if", "∞"}, {"la", "⟨"}, {"lB", "["}, {"lC", "{"}, {"lq", "“"}, {"mc", "µ"},  {"mi", "−"},
    {"mo", "∈"}, {"mu", "×"}, {"no", "¬"}, {"oA", "Å"}, {"oa", "å"}, {"oq", "‘"},  {"or", "|"},
    {"pc", "·"}, {"pl", "+"}, {"ps", "¶"}, {"r!", "¡"}, {"r?", "¿"}, {"rA", "⇒"},  {"rB", "]"},
    {"rC", "}"}, {"ra", "⟩"}, {"rg", "®"}, {"rn", "‾"}, {"rq", "”"}, {"rs", "\\"}, {"ru", "_"},
    {"sc", "§"}, {"sh", "#"}, {"sl", "/"}, {"sq", "□"}, {"sr", "√"}, {"ss", "ß"},  {"ti", "~"},
    {"tm", "™"}, {"ua", "↑"}, {"ul", "_"}, {"vS", "š"}, {"vZ", "Ž"}, {"vc", "č"},  {"vr", "ř"},
    {"vs", "š"}, {"vz", "ž"}, {"~n", "ñ"}, {"~~", "≈"},
});

// Strings that macro packages define.
constexpr auto kStandardStrings = std::to_array<NamedCharacter>({
    {"Aq", "'"},
    {"L\"", "“"},
    {"R", "®"},
    {"R\"", "”"},
    {"Tm", "™"},
    {"lq", "“"},
    {"rq", "”"},
});

template <size_t size>
std::string_view Find(const std::array<NamedCharacter, size>& table, std::string_view name) {
  for (const NamedCharacter& entry : table) {
    if (entry.name == name) return entry.text;
  }
  return {};
}

class Unescaper {
 public:
  Unescaper(const RoffStrings& strings, int depth) : strings_(strings), depth_(depth) {}

  std::string Render(std::string_view text) {
    text_ = text;
    while (at_ < text_.size()) {
      if (text_[at_] != '\\') {
        out_ += text_[at_++];
        continue;
      }
      ++at_;
      if (at_ >= text_.size()) break;
      Escape(text_[at_++]);
    }
    return std::move(out_);
  }

 private:
  // "X", "(XX" or "[XXX]" behind an escape.
  std::string_view Name() {
    if (at_ >= text_.size()) return {};
    if (text_[at_] == '(') {
      const std::string_view name = text_.substr(at_ + 1, 2);
      at_ = std::min(at_ + 3, text_.size());
      return name;
    }
    if (text_[at_] == '[') {
      const size_t close = text_.find(']', at_);
      const size_t end = close == std::string_view::npos ? text_.size() : close;
      const std::string_view name = text_.substr(at_ + 1, end - at_ - 1);
      at_ = std::min(end + 1, text_.size());
      return name;
    }
    return text_.substr(at_++, 1);
  }

  // 'argument' in any delimiter.
  std::string_view Delimited() {
    if (at_ >= text_.size()) return {};
    const size_t close = text_.find(text_[at_], at_ + 1);
    const size_t end = close == std::string_view::npos ? text_.size() : close;
    const std::string_view argument = text_.substr(at_ + 1, end - at_ - 1);
    at_ = std::min(end + 1, text_.size());
    return argument;
  }

  void Character(std::string_view name) {
    // "u2014", and combinations "u0041_0301".
    if (name.size() >= 5 && name[0] == 'u' &&
        name.substr(1).find_first_not_of("0123456789ABCDEF_") == std::string_view::npos) {
      const std::string digits(name.substr(1));
      for (size_t at = 0; at < digits.size(); ++at) {
        AppendUtf8(static_cast<char32_t>(std::strtoul(digits.c_str() + at, nullptr, 16)), out_);
        at = digits.find('_', at);
        if (at == std::string::npos) break;
      }
      return;
    }
    out_ += Find(kCharacters, name);
  }

  void String(std::string_view name) {
    const auto found = strings_.find(name);
    if (found == strings_.end()) {
      out_ += Find(kStandardStrings, name);
    } else if (depth_ < 8) {  // a string may name itself
      out_ += Unescaper(strings_, depth_ + 1).Render(found->second);
    }
  }

  void Escape(char c) {
    switch (c) {
      case '-':
        out_ += '-';
        break;
      case 'e':
      case '\\':
        out_ += '\\';
        break;
      case ' ':
      case '~':
      case '0':
        out_ += ' ';
        break;
      case 't':
        out_ += '\t';
        break;
      case '\'':
        out_ += '\'';
        break;
      case '`':
        out_ += '`';
        break;
      case '.':
        out_ += '.';
        break;
      case '(':
      case '[':
        --at_;
        Character(Name());
        break;
      case 'C':
        Character(Delimited());
        break;
      case 'N':
        AppendUtf8(static_cast<char32_t>(std::atoi(std::string(Delimited()).c_str())), out_);
        break;
      case '*':
        String(Name());
        break;
      case 'f':
      case 'F':
      case 'n':
      case 'm':
      case 'M':
      case 'g':
      case 'k':
      case 'Y':
      case 'V':
        if (c == 'n' && at_ < text_.size() && (text_[at_] == '+' || text_[at_] == '-')) ++at_;
        Name();
        break;
      case 's':
        Size();
        break;
      case 'h':
      case 'v':
      case 'w':
      case 'o':
      case 'D':
      case 'l':
      case 'L':
      case 'b':
      case 'H':
      case 'S':
      case 'x':
      case 'X':
      case 'R':
      case 'A':
      case 'B':
      case 'Z': {
        const std::string_view argument = Delimited();
        if (c == 'Z' || c == 'o') out_ += argument.substr(0, c == 'o' ? 1 : argument.size());
        break;
      }
      case '"':  // comment
      case '#':
        at_ = text_.size();
        break;
      case '&':
      case ')':
      case '|':
      case '^':
      case '%':
      case ':':
      case '/':
      case ',':
      case '{':
      case '}':
      case 'c':
      case 'p':
      case 'u':
      case 'd':
      case 'r':
      case 'z':
      case 'a':
      case '!':
      case '?':
        break;  // no text of their own
      default:
        out_ += c;
    }
  }

  // "\s+2", "\s-1", "\s12", "\s(12", "\s[+2]", "\s'12'".
  void Size() {
    if (at_ < text_.size() && (text_[at_] == '+' || text_[at_] == '-')) ++at_;
    if (at_ >= text_.size()) return;
    if (text_[at_] == '\'') {
      Delimited();
    } else if (text_[at_] == '(' || text_[at_] == '[') {
      Name();
    } else {
      const char first = text_[at_++];
      const bool two = first >= '1' && first <= '3' && at_ < text_.size() && text_[at_] >= '0' &&
                       text_[at_] <= '9';
      if (two) ++at_;
    }
  }

  const RoffStrings& strings_;
  int depth_;
  std::string_view text_;
  size_t at_ = 0;
  std::string out_;
};

}  // namespace

std::vector<std::string> SplitRoffArguments(std::string_view line) {
  std::vector<std::string> arguments;
  for (size_t at = 0; at < line.size();) {
    if (line[at] == ' ' || line[at] == '\t') {
      ++at;
      continue;
    }
    std::string argument;
    const bool quoted = line[at] == '"';
    if (quoted) ++at;
    while (at < line.size()) {
      const char c = line[at];
      if (c == '\\' && at + 1 < line.size()) {
        if (line[at + 1] == '"') {  // a comment up to the line's end
          if (!argument.empty()) arguments.push_back(std::move(argument));
          return arguments;
        }
        argument += c;
        argument += line[at + 1];
        at += 2;
        continue;
      }
      if (quoted && c == '"') {
        if (at + 1 < line.size() && line[at + 1] == '"') {
          argument += '"';
          at += 2;
          continue;
        }
        ++at;
        break;
      }
      if (!quoted && (c == ' ' || c == '\t')) break;
      argument += c;
      ++at;
    }
    arguments.push_back(std::move(argument));
  }
  return arguments;
}

std::string RenderRoffText(std::string_view text, const RoffStrings& strings) {
  return Unescaper(strings, 0).Render(text);
}

}  // namespace footnote::indexer
