// Metadata filters: `year >= 2020 and (kind = "contract" or not exists(withdrawn))`.
//
// Grammar:  expr := or ; or := and ("or" and)* ; and := unary ("and" unary)* ; unary := "not" unary
// | "(" expr ")" | test
//           test := FIELD ("=" | "!=" | "<" | "<=" | ">" | ">=") VALUE | FIELD "in" "[" VALUE (","
//           VALUE)* "]" | "exists" "(" FIELD ")"
//                 | "prefix" "(" FIELD "," STRING ")"
// FIELD is a name or one of document_id, title, source. VALUE is "string", number, true or false.
// Dates are ISO strings and compare as such. A field with several values matches when one of them
// does; one that a document lacks matches nothing. Values of two types only ever match "!=". Fields
// that no document of the corpus has are an error, not an empty result.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "common/status.h"

namespace footnote::retriever {

using MetadataValue = std::variant<std::string, double, bool>;
using Metadata = std::map<std::string, std::vector<MetadataValue>>;

class Filter {
 public:
  // Errors: INVALID_ARGUMENT with the position of the mistake and what was expected there.
  static StatusOr<Filter> Parse(std::string_view expression);

  Filter(Filter&&) noexcept;
  Filter& operator=(Filter&&) noexcept;
  ~Filter();

  bool Matches(const Metadata& metadata) const;
  const std::set<std::string>& fields() const;
  // As it was written.
  const std::string& expression() const { return expression_; }

 private:
  struct Node;
  explicit Filter(std::unique_ptr<Node> root);
  std::unique_ptr<Node> root_;
  std::set<std::string> fields_;
  std::string expression_;
};

}  // namespace footnote::retriever
