#include "retriever/text/analyzer.h"

#include <libstemmer.h>
#include <unicode/ubrk.h>
#include <unicode/unorm2.h>
#include <unicode/utext.h>

#include <algorithm>
#include <mutex>
#include <utility>

#include "common/text/utf8.h"
#include "retriever/text/identifiers.h"

namespace footnote::retriever {
namespace {

constexpr size_t kMaxTermBytes = 255;

bool IsAsciiLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool IsAsciiUpper(char c) { return c >= 'A' && c <= 'Z'; }
bool IsAsciiDigit(char c) { return c >= '0' && c <= '9'; }
bool IsAscii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return (c & 0x80) == 0; });
}
// Characters inside a word (as ICU cuts them) that part it: "o_cloexec", "7.3.2", "example.com".
bool IsJoint(char c) { return c == '_' || c == '.' || c == ':'; }

bool HasDigit(std::string_view word) { return std::any_of(word.begin(), word.end(), IsAsciiDigit); }

}  // namespace

// What is costly to make and not safe to share: one set a thread at a time.
struct Analyzer::Tools {
  UBreakIterator* words = nullptr;
  const UNormalizer2* normalizer = nullptr;
  sb_stemmer* stemmer = nullptr;
  UText* text = nullptr;

  ~Tools() {
    if (text != nullptr) utext_close(text);
    if (words != nullptr) ubrk_close(words);
    if (stemmer != nullptr) sb_stemmer_delete(stemmer);
  }

  std::string Fold(std::string_view word) const {
    if (IsAscii(word)) {
      std::string folded(word);
      for (char& c : folded) {
        if (IsAsciiUpper(c)) c = static_cast<char>(c + 32);
      }
      return folded;
    }
    std::string folded;
    UErrorCode error = U_ZERO_ERROR;
    std::u16string wide;
    for (size_t at = 0; at < word.size();) {
      const char32_t c = DecodeUtf8(word, at);
      if (c >= 0x10000) {
        wide.push_back(static_cast<char16_t>(0xD7C0 + (c >> 10)));
        wide.push_back(static_cast<char16_t>(0xDC00 + (c & 0x3FF)));
      } else {
        wide.push_back(static_cast<char16_t>(c));
      }
    }
    std::u16string out(wide.size() * 4 + 16, u'\0');
    int32_t length = unorm2_normalize(normalizer, wide.data(), static_cast<int32_t>(wide.size()),
                                      out.data(), static_cast<int32_t>(out.size()), &error);
    if (error == U_BUFFER_OVERFLOW_ERROR) {
      error = U_ZERO_ERROR;
      out.resize(static_cast<size_t>(length));
      length = unorm2_normalize(normalizer, wide.data(), static_cast<int32_t>(wide.size()),
                                out.data(), static_cast<int32_t>(out.size()), &error);
    }
    if (U_FAILURE(error)) return std::string(word);
    for (int32_t i = 0; i < length; ++i) {
      char32_t c = out[static_cast<size_t>(i)];
      if (c >= 0xD800 && c < 0xDC00 && i + 1 < length) {
        c = 0x10000 + ((c - 0xD800) << 10) + (out[static_cast<size_t>(++i)] - 0xDC00);
      }
      AppendUtf8(c, folded);
    }
    return folded;
  }

  std::string Stem(const std::string& word) const {
    if (stemmer == nullptr) return word;
    const sb_symbol* stem = sb_stemmer_stem(
        stemmer, reinterpret_cast<const sb_symbol*>(word.data()), static_cast<int>(word.size()));
    if (stem == nullptr) return word;
    return std::string(reinterpret_cast<const char*>(stem),
                       static_cast<size_t>(sb_stemmer_length(stemmer)));
  }

  static void Emit(std::string term, std::vector<std::string>& terms) {
    if (term.size() > kMaxTermBytes) term.resize(Utf8Floor(term, kMaxTermBytes));
    if (!term.empty() && term.find('\0') == std::string::npos) terms.push_back(std::move(term));
  }

  // A word of letters is stemmed, anything else stands for itself.
  void EmitWord(std::string_view raw, std::vector<std::string>& terms) const {
    std::string folded = Fold(raw);
    // Typographic apostrophes, as the stemmer knows only the plain one.
    for (size_t at; (at = folded.find("\xE2\x80\x99")) != std::string::npos;) {
      folded.replace(at, 3, "'");
    }
    const bool plain = !HasDigit(folded) && folded.find('_') == std::string::npos &&
                       folded.find('.') == std::string::npos;
    Emit(plain ? Stem(folded) : folded, terms);
  }

  // The parts of an identifier that people search for on their own.
  void EmitParts(std::string_view raw, std::vector<std::string>& terms) const {
    const bool numeric =
        std::all_of(raw.begin(), raw.end(), [](char c) { return IsAsciiDigit(c) || c == '.'; });
    if (numeric) {
      // "7.3" and "7" of "7.3.2": the clauses around it. Not of decimals such as "3.14".
      size_t dot = raw.rfind('.');
      if (std::count(raw.begin(), raw.end(), '.') < 2) return;
      for (; dot != std::string_view::npos && dot > 0; dot = raw.rfind('.', dot - 1)) {
        Emit(std::string(raw.substr(0, dot)), terms);
      }
      return;
    }
    if (std::any_of(raw.begin(), raw.end(), IsJoint)) {
      size_t start = 0;
      for (size_t i = 0; i <= raw.size(); ++i) {
        if (i < raw.size() && !IsJoint(raw[i])) continue;
        if (i - start >= 2) EmitWord(raw.substr(start, i - start), terms);
        start = i + 1;
      }
      return;
    }
    // camelCase: parts of three letters and more.
    size_t start = 0;
    for (size_t i = 1; i <= raw.size(); ++i) {
      const bool border = i == raw.size() || (IsAsciiUpper(raw[i]) && !IsAsciiUpper(raw[i - 1]));
      if (!border) continue;
      const std::string_view part = raw.substr(start, i - start);
      if (part.size() >= 3 && part.size() < raw.size() &&
          std::all_of(part.begin(), part.end(), IsAsciiLetter)) {
        EmitWord(part, terms);
      }
      start = i;
    }
  }
};

struct Analyzer::Pool {
  std::mutex mutex;
  std::vector<std::unique_ptr<Tools>> idle;
};

Analyzer::Analyzer(std::string language, int version)
    : language_(std::move(language)), version_(version), pool_(std::make_unique<Pool>()) {}
Analyzer::~Analyzer() = default;

StatusOr<std::unique_ptr<Analyzer>> Analyzer::Make(const std::string& language, int version) {
  if (version < 1 || version > kAnalyzerVersion) {
    return InvalidArgumentError("there are no rules of version " + std::to_string(version) +
                                " for words; this release knows 1 to " +
                                std::to_string(kAnalyzerVersion));
  }
  std::unique_ptr<Analyzer> analyzer(new Analyzer(language, version));
  std::unique_ptr<Tools> tools = analyzer->TakeTools();
  if (tools->words == nullptr || tools->normalizer == nullptr) {
    return InternalError("ICU has no data for word boundaries: install libicu72");
  }
  if (!language.empty() && tools->stemmer == nullptr) {
    return InvalidArgumentError("there is no stemmer for the language \"" + language + "\"");
  }
  analyzer->pool_->idle.push_back(std::move(tools));
  return analyzer;
}

std::unique_ptr<Analyzer::Tools> Analyzer::TakeTools() const {
  {
    const std::lock_guard lock(pool_->mutex);
    if (!pool_->idle.empty()) {
      std::unique_ptr<Tools> tools = std::move(pool_->idle.back());
      pool_->idle.pop_back();
      return tools;
    }
  }
  auto tools = std::make_unique<Tools>();
  UErrorCode error = U_ZERO_ERROR;
  tools->words = ubrk_open(UBRK_WORD, "en", nullptr, 0, &error);
  tools->normalizer = unorm2_getNFKCCasefoldInstance(&error);
  if (!language_.empty()) tools->stemmer = sb_stemmer_new(language_.c_str(), nullptr);
  return tools;
}

std::string Analyzer::Fold(std::string_view text) const {
  std::unique_ptr<Tools> tools = TakeTools();
  const std::string folded = tools->Fold(text);
  {
    const std::lock_guard lock(pool_->mutex);
    pool_->idle.push_back(std::move(tools));
  }
  std::string out;
  out.reserve(folded.size());
  for (const char c : folded) {
    const bool space = c == ' ' || (c >= '\t' && c <= '\r');
    if (!space) {
      out += c;
    } else if (!out.empty() && out.back() != ' ') {
      out += ' ';
    }
  }
  return out;
}

std::vector<std::string> Analyzer::Terms(std::string_view text) const {
  std::vector<std::string> terms;
  std::unique_ptr<Tools> tools = TakeTools();
  UErrorCode error = U_ZERO_ERROR;
  tools->text = utext_openUTF8(tools->text, text.data(), static_cast<int64_t>(text.size()), &error);
  ubrk_setUText(tools->words, tools->text, &error);
  if (U_FAILURE(error)) return terms;
  struct Word {
    size_t start;
    size_t end;
  };
  Word before{0, 0};  // the last word, for compounds that ICU parts
  // What ICU parts and is one identifier, told when its last word is done.
  std::vector<ByteSpan> identifiers;
  if (version_ >= 2) identifiers = FindIdentifiers(text);
  size_t next_identifier = 0;
  size_t first_term = 0;  // of the words in the identifier that is being read
  const auto finish_identifiers = [&](size_t position) {
    for (; next_identifier < identifiers.size(); ++next_identifier) {
      const ByteSpan& span = identifiers[next_identifier];
      if (span.end > position) break;
      std::string whole = tools->Fold(text.substr(span.start, span.size()));
      const auto known = terms.begin() + static_cast<std::ptrdiff_t>(first_term);
      if (std::find(known, terms.end(), whole) == terms.end()) {
        Tools::Emit(std::move(whole), terms);
      }
    }
  };
  const auto text_of = [&](Word word) { return text.substr(word.start, word.end - word.start); };
  int32_t start = ubrk_first(tools->words);
  for (int32_t end = ubrk_next(tools->words); end != UBRK_DONE;
       start = end, end = ubrk_next(tools->words)) {
    const int32_t rule = ubrk_getRuleStatus(tools->words);
    if (rule < UBRK_WORD_NONE_LIMIT) continue;
    const Word word{static_cast<size_t>(start), static_cast<size_t>(end)};
    finish_identifiers(word.start);
    if (before.end == 0 || next_identifier == identifiers.size() ||
        identifiers[next_identifier].start >= before.end) {
      first_term = terms.size();
    }
    const std::string_view raw = text_of(word);
    tools->EmitWord(raw, terms);
    if (IsAscii(raw)) tools->EmitParts(raw, terms);
    if (before.end > before.start && word.start == before.end + 1) {
      const char between = text[before.end];
      // "fork(2)", "open(2)", "4(b)": a short mark in parentheses right behind a word.
      if (between == '(' && raw.size() <= 3 && word.end < text.size() && text[word.end] == ')') {
        Tools::Emit(tools->Fold(text.substr(before.start, word.end + 1 - before.start)), terms);
      }
      // "covid-19", "GPL-3.0": a number belongs to the name it hangs on.
      if (between == '-' && (HasDigit(raw) != HasDigit(text_of(before)))) {
        Tools::Emit(tools->Fold(text.substr(before.start, word.end - before.start)), terms);
      }
    }
    before = word;
  }
  finish_identifiers(text.size());
  const std::lock_guard lock(pool_->mutex);
  pool_->idle.push_back(std::move(tools));
  return terms;
}

}  // namespace footnote::retriever
