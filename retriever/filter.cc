#include "retriever/filter.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

namespace footnote::retriever {

enum class Comparison { kEqual, kNotEqual, kLess, kLessEqual, kGreater, kGreaterEqual };

struct Filter::Node {
  enum class Kind { kOr, kAnd, kNot, kCompare, kIn, kExists, kPrefix };
  Kind kind;
  std::vector<std::unique_ptr<Node>> children;  // of kOr, kAnd, kNot
  std::string field;
  Comparison comparison = Comparison::kEqual;
  std::vector<MetadataValue> values;  // one, but for kIn

  bool Matches(const Metadata& metadata) const;

  struct Parser;
};

namespace {

// Deeper than any person writes; keeps a hostile expression from exhausting the stack.
constexpr int kMaxDepth = 100;
constexpr size_t kMaxBytes = 64 << 10;

bool Holds(const MetadataValue& left, Comparison comparison, const MetadataValue& right) {
  // Values of two types are neither equal nor ordered; they are merely not equal.
  if (left.index() != right.index()) return comparison == Comparison::kNotEqual;
  switch (comparison) {
    case Comparison::kEqual:
      return left == right;
    case Comparison::kNotEqual:
      return left != right;
    case Comparison::kLess:
      return left < right;
    case Comparison::kLessEqual:
      return left <= right;
    case Comparison::kGreater:
      return left > right;
    case Comparison::kGreaterEqual:
      return left >= right;
  }
  return false;
}

bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsNameStart(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}
bool IsNameByte(char c) { return IsNameStart(c) || IsDigit(c) || c == '.' || c == '-'; }

}  // namespace

bool Filter::Node::Matches(const Metadata& metadata) const {
  switch (kind) {
    case Kind::kOr:
      return std::any_of(children.begin(), children.end(),
                         [&](const auto& child) { return child->Matches(metadata); });
    case Kind::kAnd:
      return std::all_of(children.begin(), children.end(),
                         [&](const auto& child) { return child->Matches(metadata); });
    case Kind::kNot:
      return !children.front()->Matches(metadata);
    default:
      break;
  }
  const auto found = metadata.find(field);
  if (found == metadata.end() || found->second.empty()) return false;
  if (kind == Kind::kExists) return true;
  return std::any_of(found->second.begin(), found->second.end(), [&](const MetadataValue& value) {
    if (kind == Kind::kPrefix) {
      const auto* text = std::get_if<std::string>(&value);
      return text != nullptr && text->starts_with(std::get<std::string>(values.front()));
    }
    return std::any_of(values.begin(), values.end(), [&](const MetadataValue& wanted) {
      return Holds(value, kind == Kind::kIn ? Comparison::kEqual : comparison, wanted);
    });
  });
}

// Recursive descent, one method a rule of the grammar in filter.h.
struct Filter::Node::Parser {
  using NodePtr = std::unique_ptr<Node>;

  std::string_view text;
  size_t at = 0;
  int depth = 0;
  std::set<std::string> fields;

  void SkipSpace() {
    while (at < text.size() && IsSpace(text[at])) ++at;
  }

  Status Expected(std::string_view what) {
    SkipSpace();
    std::string found = "the end";
    if (at < text.size()) {
      found = "\"" + std::string(text.substr(at, 20)) + (text.size() - at > 20 ? "…" : "") + "\"";
    }
    return InvalidArgumentError("in the filter at byte " + std::to_string(at) + ": expected " +
                                std::string(what) + ", found " + found);
  }

  bool Take(std::string_view symbol) {
    SkipSpace();
    if (!text.substr(at).starts_with(symbol)) return false;
    at += symbol.size();
    return true;
  }

  // The name at the cursor, which does not move; empty when there is none.
  std::string_view PeekName() {
    SkipSpace();
    if (at >= text.size() || !IsNameStart(text[at])) return {};
    size_t end = at;
    while (end < text.size() && IsNameByte(text[end])) ++end;
    return text.substr(at, end - at);
  }

  bool TakeWord(std::string_view word) {
    if (PeekName() != word) return false;
    at += word.size();
    return true;
  }

  StatusOr<std::string> TakeField() {
    const std::string_view name = PeekName();
    for (std::string_view word : {"and", "or", "not", "in", "true", "false"}) {
      if (name == word) return Expected("a field name");
    }
    if (name.empty()) return Expected("a field name");
    at += name.size();
    fields.emplace(name);
    return std::string(name);
  }

  StatusOr<std::string> TakeString() {
    if (!Take("\"")) return Expected("a string in double quotes");
    std::string value;
    while (at < text.size() && text[at] != '"') {
      if (text[at] == '\\') {
        ++at;
        if (at >= text.size() || (text[at] != '"' && text[at] != '\\')) {
          return Expected("\\\" or \\\\ after a backslash");
        }
      }
      value.push_back(text[at++]);
    }
    if (!Take("\"")) return Expected("the string's closing quote");
    return value;
  }

  StatusOr<MetadataValue> TakeValue() {
    SkipSpace();
    if (at < text.size() && text[at] == '"') {
      FOOTNOTE_ASSIGN_OR_RETURN(std::string value, TakeString());
      return MetadataValue(std::move(value));
    }
    if (TakeWord("true")) return MetadataValue(true);
    if (TakeWord("false")) return MetadataValue(false);
    if (at < text.size() && (IsDigit(text[at]) || text[at] == '-' || text[at] == '.')) {
      double number = 0;
      const char* begin = text.data() + at;
      const auto [end, error] = std::from_chars(begin, text.data() + text.size(), number);
      if (error == std::errc()) {
        const auto length = static_cast<size_t>(end - begin);
        if (at + length == text.size() || !IsNameByte(text[at + length])) {
          at += length;
          return MetadataValue(number);
        }
      }
      return Expected("a number (write dates as \"strings\")");
    }
    return Expected("a value: a \"string\", a number, true or false");
  }

  StatusOr<NodePtr> ParseOr() { return ParseList(Kind::kOr); }

  // or := and ("or" and)* ; and := unary ("and" unary)*
  StatusOr<NodePtr> ParseList(Kind kind) {
    const bool is_or = kind == Kind::kOr;
    NodePtr node;
    do {
      FOOTNOTE_ASSIGN_OR_RETURN(NodePtr child, is_or ? ParseList(Kind::kAnd) : ParseUnary());
      if (node == nullptr) {
        node = std::move(child);
        continue;
      }
      if (node->kind != kind || node->children.empty()) {
        auto list = std::make_unique<Node>();
        list->kind = kind;
        list->children.push_back(std::move(node));
        node = std::move(list);
      }
      node->children.push_back(std::move(child));
    } while (TakeWord(is_or ? "or" : "and"));
    return node;
  }

  StatusOr<NodePtr> ParseUnary() {
    if (++depth > kMaxDepth) {
      return InvalidArgumentError("the filter is nested deeper than " + std::to_string(kMaxDepth));
    }
    StatusOr<NodePtr> node = ParseUnaryAtDepth();
    --depth;
    return node;
  }

  StatusOr<NodePtr> ParseUnaryAtDepth() {
    if (TakeWord("not")) {
      FOOTNOTE_ASSIGN_OR_RETURN(NodePtr child, ParseUnary());
      auto node = std::make_unique<Node>();
      node->kind = Kind::kNot;
      node->children.push_back(std::move(child));
      return node;
    }
    if (Take("(")) {
      FOOTNOTE_ASSIGN_OR_RETURN(NodePtr node, ParseOr());
      if (!Take(")")) return Expected("\"and\", \"or\" or \")\"");
      return node;
    }
    return ParseTest();
  }

  // "exists" and "prefix" are words of the grammar only before a parenthesis.
  bool TakeCall(std::string_view word) {
    const size_t start = at;
    if (TakeWord(word) && Take("(")) return true;
    at = start;
    return false;
  }

  StatusOr<NodePtr> ParseTest() {
    auto node = std::make_unique<Node>();
    if (TakeCall("exists")) {
      node->kind = Kind::kExists;
      FOOTNOTE_ASSIGN_OR_RETURN(node->field, TakeField());
      if (!Take(")")) return Expected("\")\"");
      return node;
    }
    if (TakeCall("prefix")) {
      node->kind = Kind::kPrefix;
      FOOTNOTE_ASSIGN_OR_RETURN(node->field, TakeField());
      if (!Take(",")) return Expected("\",\"");
      FOOTNOTE_ASSIGN_OR_RETURN(std::string prefix, TakeString());
      node->values.emplace_back(std::move(prefix));
      if (!Take(")")) return Expected("\")\"");
      return node;
    }
    SkipSpace();
    if (PeekName().empty()) return Expected("a field name, \"not\" or \"(\"");
    FOOTNOTE_ASSIGN_OR_RETURN(node->field, TakeField());
    if (TakeWord("in")) {
      node->kind = Kind::kIn;
      if (!Take("[")) return Expected("\"[\"");
      do {
        FOOTNOTE_ASSIGN_OR_RETURN(MetadataValue value, TakeValue());
        node->values.push_back(std::move(value));
      } while (Take(","));
      if (!Take("]")) return Expected("\",\" or \"]\"");
      return node;
    }
    node->kind = Kind::kCompare;
    // Longer symbols first: "<=" begins with "<".
    constexpr std::pair<std::string_view, Comparison> kSymbols[] = {
        {"<=", Comparison::kLessEqual}, {">=", Comparison::kGreaterEqual},
        {"!=", Comparison::kNotEqual},  {"=", Comparison::kEqual},
        {"<", Comparison::kLess},       {">", Comparison::kGreater}};
    for (const auto& [symbol, comparison] : kSymbols) {
      if (!Take(symbol)) continue;
      node->comparison = comparison;
      FOOTNOTE_ASSIGN_OR_RETURN(MetadataValue value, TakeValue());
      node->values.push_back(std::move(value));
      return node;
    }
    return Expected("=, !=, <, <=, >, >= or \"in\"");
  }
};

StatusOr<Filter> Filter::Parse(std::string_view expression) {
  if (expression.size() > kMaxBytes) {
    return InvalidArgumentError("the filter is longer than " + std::to_string(kMaxBytes) +
                                " bytes");
  }
  Node::Parser parser;
  parser.text = expression;
  FOOTNOTE_ASSIGN_OR_RETURN(std::unique_ptr<Node> root, parser.ParseOr());
  parser.SkipSpace();
  if (parser.at != expression.size()) return parser.Expected("\"and\", \"or\" or the end");
  Filter filter(std::move(root));
  filter.expression_ = expression;
  filter.fields_ = std::move(parser.fields);
  return filter;
}

Filter::Filter(std::unique_ptr<Node> root) : root_(std::move(root)) {}
Filter::Filter(Filter&&) noexcept = default;
Filter& Filter::operator=(Filter&&) noexcept = default;
Filter::~Filter() = default;

bool Filter::Matches(const Metadata& metadata) const { return root_->Matches(metadata); }
const std::set<std::string>& Filter::fields() const { return fields_; }

}  // namespace footnote::retriever
