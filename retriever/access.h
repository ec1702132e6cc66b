// Who may see what. Per document: principals that are allowed and denied. Deny wins; no list means
// nobody, unless the corpus is public.
//
// Principals are prefixed strings: "user:ann@example.org", "group:cardiology", "everyone". Enforced
// on the dense and the lexical route and again when a passage is fetched; an error means closed.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "common/status.h"

namespace footnote::retriever {

struct AccessList {
  std::vector<std::string> allow;
  std::vector<std::string> deny;
  bool operator==(const AccessList&) const = default;
};

// Who asks. Empty: anonymous, who sees public corpora and documents that allow "everyone" in a
// public corpus only.
struct Asker {
  std::vector<std::string> principals;
};

// "user:", "group:" and a name, or "everyone". Errors: INVALID_ARGUMENT names what was written and
// what is expected.
Status CheckPrincipal(const std::string& principal);

// Tells two lists apart: a digest of the principals in their order.
std::string DigestOf(const AccessList& list);

// In a public corpus a document without any list is visible to all; one with a list follows its
// list.
bool MaySee(const Asker& asker, const AccessList& list, bool corpus_is_public);

}  // namespace footnote::retriever
