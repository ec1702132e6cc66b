#include "generator/templates/jinja/marked_text.h"

#include <algorithm>

#include "common/text/utf8.h"
#include "generator/templates/jinja/letter_case.h"
#include "generator/tokenizers/unicode.h"

namespace footnote::generator::jinja {
namespace {

bool IsLineBreak(char32_t c) {
  return (c >= 0x0A && c <= 0x0D) || (c >= 0x1C && c <= 0x1E) || c == 0x85 || c == 0x2028 ||
         c == 0x2029;
}

// Characters that repr() writes as they are.
bool IsPrintable(char32_t c) {
  if (c < 0x20 || (c >= 0x7F && c <= 0xA0) || c == 0xAD) return false;
  return c < 0x7F || (ClassOf(c) & (kUncleanClass | kSpaceClass)) == 0;
}

void AppendHex(char32_t c, int digits, std::string& out) {
  for (int shift = 4 * (digits - 1); shift >= 0; shift -= 4) {
    out.push_back("0123456789abcdef"[(c >> shift) & 15]);
  }
}

// Calls write(character, begin, end) for each character.
template <typename Writer>
void ForEachCharacter(std::string_view bytes, Writer write) {
  for (size_t offset = 0; offset < bytes.size();) {
    const size_t begin = offset;
    const char32_t c = DecodeUtf8(bytes, offset);
    write(c, begin, offset);
  }
}

bool Contains(const std::string& characters, std::string_view character) {
  // Both are well-formed, so a match begins at a character.
  return characters.find(character) != std::string::npos;
}

std::vector<MarkedText> SplitAtSpace(const MarkedText& text, int64_t most) {
  std::vector<MarkedText> parts;
  const std::string& bytes = text.bytes();
  size_t offset = 0;
  const auto skip = [&](bool space) {
    while (offset < bytes.size()) {
      size_t next = offset;
      if (IsPythonSpace(DecodeUtf8(bytes, next)) != space) break;
      offset = next;
    }
  };
  while (true) {
    skip(true);
    if (offset == bytes.size()) break;
    const size_t begin = offset;
    if (most >= 0 && static_cast<int64_t>(parts.size()) == most) {
      // The rest keeps its white space, also that at its end.
      parts.push_back(text.Part(begin, bytes.size()));
      break;
    }
    skip(false);
    parts.push_back(text.Part(begin, offset));
  }
  return parts;
}

}  // namespace

MarkedText::MarkedText(std::string_view bytes, bool trusted)
    : bytes_(IsValidUtf8(bytes) ? std::string(bytes) : ReplaceInvalidUtf8(bytes)),
      marks_(bytes_.size(), trusted ? '\1' : '\0') {}

MarkedText& MarkedText::Append(std::string_view bytes, bool trusted) {
  bytes_.append(bytes);
  marks_.append(bytes.size(), trusted ? '\1' : '\0');
  return *this;
}

MarkedText& MarkedText::Append(const MarkedText& other) {
  bytes_ += other.bytes_;
  marks_ += other.marks_;
  return *this;
}

MarkedText& MarkedText::Append(const MarkedText& other, size_t begin, size_t end) {
  bytes_.append(other.bytes_, begin, end - begin);
  marks_.append(other.marks_, begin, end - begin);
  return *this;
}

MarkedText MarkedText::Part(size_t begin, size_t end) const {
  MarkedText part;
  part.Append(*this, begin, end);
  return part;
}

bool IsPythonSpace(char32_t c) {
  return (c >= 0x1C && c <= 0x1F) || (ClassOf(c) & kSpaceClass) != 0;
}

bool IsDecimalDigits(std::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

size_t CharacterCount(std::string_view text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }));
}

std::vector<size_t> CharacterOffsets(std::string_view text) {
  std::vector<size_t> offsets;
  for (size_t i = 0; i < text.size(); ++i) {
    if ((static_cast<unsigned char>(text[i]) & 0xC0) != 0x80) offsets.push_back(i);
  }
  offsets.push_back(text.size());
  return offsets;
}

MarkedText Strip(const MarkedText& text, const std::string* characters, bool left, bool right) {
  const std::string& bytes = text.bytes();
  const auto goes = [&](size_t begin, size_t& end) {
    end = begin;
    const char32_t c = DecodeUtf8(bytes, end);
    if (characters == nullptr) return IsPythonSpace(c);
    return Contains(*characters, std::string_view(bytes).substr(begin, end - begin));
  };
  size_t begin = 0;
  size_t end = bytes.size();
  size_t next = 0;
  while (left && begin < end && goes(begin, next)) begin = next;
  while (right && begin < end) {
    const size_t last = Utf8Floor(bytes, end - 1);
    if (!goes(last, next)) break;
    end = last;
  }
  return text.Part(begin, end);
}

std::vector<MarkedText> Split(const MarkedText& text, const std::string* separator, int64_t most) {
  if (separator == nullptr) return SplitAtSpace(text, most);
  std::vector<MarkedText> parts;
  size_t begin = 0;
  while (most < 0 || static_cast<int64_t>(parts.size()) < most) {
    const size_t found = text.bytes().find(*separator, begin);
    if (found == std::string::npos) break;
    parts.push_back(text.Part(begin, found));
    begin = found + separator->size();
  }
  parts.push_back(text.Part(begin, text.size()));
  return parts;
}

std::vector<MarkedText> SplitFromRight(const MarkedText& text, const std::string* separator,
                                       int64_t most) {
  std::vector<MarkedText> parts;
  size_t end = text.size();
  const std::string& bytes = text.bytes();
  if (separator == nullptr) {
    const auto skip = [&](bool space) {
      while (end > 0) {
        const size_t last = Utf8Floor(bytes, end - 1);
        size_t next = last;
        if (IsPythonSpace(DecodeUtf8(bytes, next)) != space) break;
        end = last;
      }
    };
    while (true) {
      skip(true);
      if (end == 0) break;
      const size_t stop = end;
      if (most >= 0 && static_cast<int64_t>(parts.size()) == most) {
        parts.push_back(text.Part(0, stop));
        break;
      }
      skip(false);
      parts.push_back(text.Part(end, stop));
    }
  } else {
    while (most < 0 || static_cast<int64_t>(parts.size()) < most) {
      if (end < separator->size()) break;
      const size_t found = bytes.rfind(*separator, end - separator->size());
      if (found == std::string::npos) break;
      parts.push_back(text.Part(found + separator->size(), end));
      end = found;
    }
    parts.push_back(text.Part(0, end));
  }
  std::reverse(parts.begin(), parts.end());
  return parts;
}

std::vector<MarkedText> SplitLines(const MarkedText& text, bool keep_ends) {
  std::vector<MarkedText> lines;
  const std::string& bytes = text.bytes();
  size_t begin = 0;
  for (size_t offset = 0; offset < bytes.size();) {
    const size_t end = offset;
    const char32_t c = DecodeUtf8(bytes, offset);
    if (!IsLineBreak(c)) continue;
    if (c == '\r' && offset < bytes.size() && bytes[offset] == '\n') ++offset;
    lines.push_back(text.Part(begin, keep_ends ? offset : end));
    begin = offset;
  }
  if (begin < bytes.size()) lines.push_back(text.Part(begin, bytes.size()));
  return lines;
}

MarkedText Replace(const MarkedText& text, std::string_view old, const MarkedText& replacement,
                   int64_t most) {
  MarkedText out;
  const std::string& bytes = text.bytes();
  size_t begin = 0;
  int64_t done = 0;
  if (old.empty()) {
    for (const size_t offset : CharacterOffsets(bytes)) {
      if (most >= 0 && done == most) break;
      out.Append(text, begin, offset).Append(replacement);
      begin = offset;
      ++done;
    }
  } else {
    for (; most < 0 || done < most; ++done) {
      const size_t found = bytes.find(old, begin);
      if (found == std::string::npos) break;
      out.Append(text, begin, found).Append(replacement);
      begin = found + old.size();
    }
  }
  return out.Append(text, begin, bytes.size());
}

MarkedText Lower(const MarkedText& text) {
  MarkedText out;
  ForEachCharacter(text.bytes(), [&](char32_t c, size_t begin, size_t end) {
    const std::string& bytes = text.bytes();
    out.Append(c == kCapitalSigma && IsFinalSigma(bytes, begin, end) ? kFinalSigma : LowerOf(c),
               text.trusted_at(begin));
  });
  return out;
}

MarkedText Upper(const MarkedText& text) {
  MarkedText out;
  ForEachCharacter(text.bytes(), [&](char32_t c, size_t begin, size_t) {
    out.Append(UpperOf(c), text.trusted_at(begin));
  });
  return out;
}

MarkedText Capitalize(const MarkedText& text) {
  if (text.empty()) return text;
  size_t first = 0;
  const char32_t c = DecodeUtf8(text.bytes(), first);
  MarkedText out(TitleOf(c), text.trusted_at(0));
  // What precedes a sigma decides how it looks.
  const MarkedText lower = Lower(text);
  size_t skip = LowerOf(c).size();
  return out.Append(lower, skip, lower.size());
}

MarkedText TitleMethod(const MarkedText& text) {
  MarkedText out;
  bool cased = false;
  ForEachCharacter(text.bytes(), [&](char32_t c, size_t begin, size_t end) {
    const bool sigma = c == kCapitalSigma && IsFinalSigma(text.bytes(), begin, end);
    out.Append(cased ? (sigma ? std::string(kFinalSigma) : LowerOf(c)) : TitleOf(c),
               text.trusted_at(begin));
    cased = IsCased(c);
  });
  return out;
}

MarkedText TitleFilter(const MarkedText& text) {
  // Pieces are runs of separators and runs of other characters; each begins with a capital.
  MarkedText out;
  const std::string& bytes = text.bytes();
  const auto separates = [](char32_t c) {
    return c == '-' || c == '(' || c == '{' || c == '[' || c == '<' || IsPythonSpace(c);
  };
  size_t piece = 0;
  const auto write = [&](size_t end) {
    if (piece == end) return;
    size_t first = piece;
    const char32_t c = DecodeUtf8(bytes, first);
    out.Append(UpperOf(c), text.trusted_at(piece)).Append(Lower(text.Part(first, end)));
    piece = end;
  };
  bool before = false;
  ForEachCharacter(bytes, [&](char32_t c, size_t begin, size_t) {
    const bool separator = separates(c);
    if (begin > 0 && separator != before) write(begin);
    before = separator;
  });
  write(bytes.size());
  return out;
}

MarkedText EscapeHtml(const MarkedText& text) {
  MarkedText out;
  ForEachCharacter(text.bytes(), [&](char32_t c, size_t begin, size_t end) {
    const char* name = nullptr;
    switch (c) {
      case '&':
        name = "&amp;";
        break;
      case '<':
        name = "&lt;";
        break;
      case '>':
        name = "&gt;";
        break;
      case '\'':
        name = "&#39;";
        break;
      case '"':
        name = "&#34;";
        break;
      default:
        out.Append(text, begin, end);
        return;
    }
    out.Append(name, text.trusted_at(begin));
  });
  return out;
}

MarkedText Repr(const MarkedText& text) {
  const std::string& bytes = text.bytes();
  const bool single = bytes.find('\'') != std::string::npos;
  const char quote = single && bytes.find('"') == std::string::npos ? '"' : '\'';
  const bool trusted = text.all_trusted();
  MarkedText out(std::string(1, quote), trusted);
  ForEachCharacter(bytes, [&](char32_t c, size_t begin, size_t end) {
    if (c != static_cast<char32_t>(quote) && c != '\\' && IsPrintable(c)) {
      out.Append(text, begin, end);
      return;
    }
    std::string written = "\\";
    switch (c) {
      case '\n':
        written += 'n';
        break;
      case '\r':
        written += 'r';
        break;
      case '\t':
        written += 't';
        break;
      default:
        if (c == static_cast<char32_t>(quote) || c == '\\') {
          written += static_cast<char>(c);
        } else {
          const int digits = c < 0x100 ? 2 : c < 0x10000 ? 4 : 8;
          written += digits == 2 ? 'x' : digits == 4 ? 'u' : 'U';
          AppendHex(c, digits, written);
        }
    }
    out.Append(written, text.trusted_at(begin));
  });
  return out.Append(std::string(1, quote), trusted);
}

MarkedText JsonString(const MarkedText& text, bool ensure_ascii) {
  const bool trusted = text.all_trusted();
  MarkedText out("\"", trusted);
  ForEachCharacter(text.bytes(), [&](char32_t c, size_t begin, size_t end) {
    std::string written;
    switch (c) {
      case '"':
        written = "\\\"";
        break;
      case '\\':
        written = "\\\\";
        break;
      case '\n':
        written = "\\n";
        break;
      case '\r':
        written = "\\r";
        break;
      case '\t':
        written = "\\t";
        break;
      case '\b':
        written = "\\b";
        break;
      case '\f':
        written = "\\f";
        break;
      default:
        if (c >= 0x20 && (!ensure_ascii || c < 0x7F)) {
          out.Append(text, begin, end);
          return;
        }
        if (c >= 0x10000) {
          written = "\\u";
          AppendHex(0xD800 + ((c - 0x10000) >> 10), 4, written);
          written += "\\u";
          AppendHex(0xDC00 + ((c - 0x10000) & 0x3FF), 4, written);
        } else {
          written = "\\u";
          AppendHex(c, 4, written);
        }
    }
    out.Append(written, text.trusted_at(begin));
  });
  return out.Append("\"", trusted);
}

}  // namespace footnote::generator::jinja
