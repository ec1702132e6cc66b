// What directives of docutils and Sphinx are in a text.
#include <algorithm>
#include <array>

#include "indexer/parsers/delimited_reader.h"
#include "indexer/parsers/rst_renderer.h"
#include "indexer/text/cleaner.h"

namespace footnote::indexer {
namespace {

enum class Kind {
  kDropped,     // figures' files, tables of contents, instructions for programs
  kAdmonition,  // "Note: …"; the argument is its text, too
  kVersion,     // "Added in version 1.2: …"
  kTitled,      // the argument is a title, the content text
  kContent,     // the content is text
  kCode,
  kTable,
  kDescription,  // the argument is a signature, the content describes it
};

struct Known {
  std::string_view name;
  Kind kind;
  std::string_view title;  // of an admonition or version
};

constexpr auto kKnown = std::to_array<Known>({
    {"note", Kind::kAdmonition, "Note"},
    {"warning", Kind::kAdmonition, "Warning"},
    {"tip", Kind::kAdmonition, "Tip"},
    {"hint", Kind::kAdmonition, "Hint"},
    {"important", Kind::kAdmonition, "Important"},
    {"caution", Kind::kAdmonition, "Caution"},
    {"danger", Kind::kAdmonition, "Danger"},
    {"attention", Kind::kAdmonition, "Attention"},
    {"error", Kind::kAdmonition, "Error"},
    {"seealso", Kind::kAdmonition, "See also"},
    {"versionadded", Kind::kVersion, "Added in version"},
    {"versionchanged", Kind::kVersion, "Changed in version"},
    {"deprecated", Kind::kVersion, "Deprecated since version"},
    {"versionremoved", Kind::kVersion, "Removed in version"},
    {"admonition", Kind::kTitled, ""},
    {"topic", Kind::kTitled, ""},
    {"sidebar", Kind::kTitled, ""},
    {"rubric", Kind::kTitled, ""},
    {"centered", Kind::kTitled, ""},
    {"figure", Kind::kContent, ""},
    {"epigraph", Kind::kContent, ""},
    {"highlights", Kind::kContent, ""},
    {"pull-quote", Kind::kContent, ""},
    {"compound", Kind::kContent, ""},
    {"container", Kind::kContent, ""},
    {"class", Kind::kContent, ""},
    {"only", Kind::kContent, ""},
    {"ifconfig", Kind::kContent, ""},
    {"glossary", Kind::kContent, ""},
    {"hlist", Kind::kContent, ""},
    {"line-block", Kind::kContent, ""},
    {"tab-set", Kind::kContent, ""},
    {"tab-item", Kind::kTitled, ""},
    {"dropdown", Kind::kTitled, ""},
    {"code-block", Kind::kCode, ""},
    {"code", Kind::kCode, ""},
    {"sourcecode", Kind::kCode, ""},
    {"parsed-literal", Kind::kCode, ""},
    {"productionlist", Kind::kCode, ""},
    {"prompt", Kind::kCode, ""},
    {"math", Kind::kCode, ""},
    {"doctest", Kind::kCode, ""},
    {"testcode", Kind::kCode, ""},
    {"table", Kind::kTable, ""},
    {"csv-table", Kind::kTable, ""},
    {"list-table", Kind::kTable, ""},
    {"function", Kind::kDescription, ""},
    {"method", Kind::kDescription, ""},
    {"classmethod", Kind::kDescription, ""},
    {"staticmethod", Kind::kDescription, ""},
    {"attribute", Kind::kDescription, ""},
    {"property", Kind::kDescription, ""},
    {"data", Kind::kDescription, ""},
    {"exception", Kind::kDescription, ""},
    {"option", Kind::kDescription, ""},
    {"cmdoption", Kind::kDescription, ""},
    {"envvar", Kind::kDescription, ""},
    {"confval", Kind::kDescription, ""},
    {"setting", Kind::kDescription, ""},
    {"describe", Kind::kDescription, ""},
    {"opcode", Kind::kDescription, ""},
});

Known Find(const std::string& name) {
  const auto found = std::find_if(kKnown.begin(), kKnown.end(),
                                  [&](const Known& each) { return each.name == name; });
  if (found != kKnown.end()) return *found;
  // "py:function", "c:macro": a domain's objects.
  const size_t colon = name.find(':');
  const bool described =
      colon != std::string::npos && !name.ends_with("module") && !name.ends_with("namespace");
  return {name, described ? Kind::kDescription : Kind::kDropped, ""};
}

}  // namespace

RstRenderer::Directive RstRenderer::SplitDirective(std::string_view name, std::string_view argument,
                                                   const RstLines& block) {
  Directive directive;
  for (const char c : name) {
    directive.name += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  directive.argument = argument;
  size_t at = 0;
  for (std::string* value = nullptr; at < block.size() && !IsBlank(block[at]); ++at) {
    if (const size_t length = FieldMarkLength(block[at]); length > 0) {
      value = &directive.options[block[at].substr(1, length - 2)];
      *value = TrimSpace(std::string_view(block[at]).substr(length));
    } else if (value != nullptr && IndentOf(block[at]) > 0) {
      *value += "\n" + std::string(TrimSpace(block[at]));
    } else {
      break;
    }
  }
  directive.content = Dedent(block, at, block.size());
  return directive;
}

void RstRenderer::WriteDirective(const Directive& directive, int depth) {
  const Known known = Find(directive.name);
  RstLines content = directive.content;
  switch (known.kind) {
    case Kind::kDropped:
      return;
    case Kind::kAdmonition:
      if (!directive.argument.empty()) content.insert(content.begin(), directive.argument);
      WriteWithPrefix(std::string(known.title) + ":", content, depth);
      return;
    case Kind::kVersion: {
      const size_t space = std::min(directive.argument.find(' '), directive.argument.size());
      const std::string text(TrimSpace(std::string_view(directive.argument).substr(space)));
      if (!text.empty()) content.insert(content.begin(), text);
      WriteWithPrefix(std::string(known.title) + " " + directive.argument.substr(0, space) + ":",
                      content, depth);
      return;
    }
    case Kind::kTitled:
      EndPrefix();
      Text(Inline(directive.argument));
      Body(content, depth + 1);
      return;
    case Kind::kContent: {
      // The class directive's argument names a style; Sphinx's describes a class.
      const bool described =
          directive.name == "class" &&
          directive.argument.find_first_of("(.ABCDEFGHIJKLMNOPQRSTUVWXYZ") != std::string::npos;
      if (described) Text(directive.argument);
      Body(content, depth + 1);
      return;
    }
    case Kind::kCode:
      // The first argument of all but "math" and productions is a language.
      if (directive.name == "math" || directive.name == "productionlist") {
        content.insert(content.begin(), directive.argument);
      }
      Code(content);
      return;
    case Kind::kTable:
      WriteTableDirective(directive, depth);
      return;
    case Kind::kDescription:
      EndPrefix();
      Text(directive.argument);
      Body(content, depth + 1);
      return;
  }
}

void RstRenderer::WriteTableDirective(const Directive& directive, int depth) {
  EndPrefix();
  Text(Inline(directive.argument));
  if (directive.name == "table") {
    Body(directive.content, depth + 1);
    return;
  }
  if (directive.name == "list-table") {
    Rows(ReadListTable(directive.content));
    return;
  }
  const auto named = directive.options.find("delim");
  char delimiter = ',';
  if (named != directive.options.end() && !named->second.empty()) {
    delimiter = named->second == "tab" ? '\t' : named->second == "space" ? ' ' : named->second[0];
  }
  std::string text;
  if (const auto header = directive.options.find("header"); header != directive.options.end()) {
    text = header->second + "\n";
  }
  for (const std::string& line : directive.content) text += line + "\n";
  DelimitedReader reader(text, delimiter, /*skips_space=*/true);
  RstRows rows;
  for (std::vector<std::string> cells; reader.Next(cells);) rows.push_back(cells);
  Rows(rows);
}

void RstRenderer::WriteWithPrefix(const std::string& prefix, const RstLines& content, int depth) {
  EndPrefix();
  prefix_ = prefix;
  Body(content, depth + 1);
  EndPrefix();
}

}  // namespace footnote::indexer
