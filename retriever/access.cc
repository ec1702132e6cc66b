#include "retriever/access.h"

#include <string_view>

#include "common/sha256.h"

namespace footnote::retriever {
namespace {

constexpr std::string_view kEveryone = "everyone";

bool Has(const std::vector<std::string>& list, std::string_view principal) {
  return std::find(list.begin(), list.end(), principal) != list.end();
}

// "everyone" in a list means all askers, known or not.
bool Names(const std::vector<std::string>& list, const Asker& asker) {
  if (Has(list, kEveryone)) return true;
  return std::any_of(asker.principals.begin(), asker.principals.end(),
                     [&](const std::string& principal) { return Has(list, principal); });
}

}  // namespace

Status CheckPrincipal(const std::string& principal) {
  if (principal == kEveryone) return OkStatus();
  for (std::string_view prefix : {"user:", "group:"}) {
    if (principal.starts_with(prefix) && principal.size() > prefix.size()) return OkStatus();
  }
  return InvalidArgumentError(
      "\"" + principal +
      "\" is not a principal: write \"user:\" or \"group:\" and a name, or \"everyone\"");
}

std::string DigestOf(const AccessList& list) {
  Sha256 hash;
  const auto add = [&](std::string_view sign, const std::vector<std::string>& principals) {
    for (const std::string& principal : principals) {
      hash.Update(sign);
      hash.Update(std::to_string(principal.size()));
      hash.Update(":");
      hash.Update(principal);
    }
  };
  add("+", list.allow);
  add("-", list.deny);
  return hash.FinishHex();
}

bool MaySee(const Asker& asker, const AccessList& list, bool corpus_is_public) {
  if (list.allow.empty() && list.deny.empty()) return corpus_is_public;
  if (Names(list.deny, asker)) return false;
  // Who is not known sees nothing of a corpus that is not public, whatever a list says.
  if (asker.principals.empty() && !corpus_is_public) return false;
  return Names(list.allow, asker);
}

}  // namespace footnote::retriever
