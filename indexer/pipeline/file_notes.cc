#include "indexer/pipeline/file_notes.h"

#include <algorithm>
#include <charconv>

#include "common/sha256.h"

namespace footnote::indexer {
namespace {

constexpr std::string_view kMagic = "footnote file note 1\n";

// Each field is its length in decimal, a colon, and its bytes.
void AddField(std::string_view field, std::string& out) {
  out += std::to_string(field.size());
  out += ':';
  out += field;
}

std::optional<std::string_view> TakeField(std::string_view& bytes) {
  size_t size = 0;
  const auto [end, error] = std::from_chars(bytes.data(), bytes.data() + bytes.size(), size);
  if (error != std::errc() || end == bytes.data() + bytes.size() || *end != ':') return {};
  bytes.remove_prefix(static_cast<size_t>(end - bytes.data()) + 1);
  if (size > bytes.size()) return {};
  const std::string_view field = bytes.substr(0, size);
  bytes.remove_prefix(size);
  return field;
}

std::string IdentityText(const FileIdentity& identity) {
  return std::to_string(identity.size) + " " + std::to_string(identity.modified_ns) + " " +
         std::to_string(identity.changed_ns) + " " + std::to_string(identity.device) + " " +
         std::to_string(identity.inode);
}

std::optional<FileIdentity> ParseIdentity(std::string_view text) {
  FileIdentity identity;
  const char* at = text.data();
  const char* const end = at + text.size();
  const auto take = [&](auto& number) {
    if (at != end && *at == ' ') ++at;
    const auto [next, error] = std::from_chars(at, end, number);
    at = next;
    return error == std::errc();
  };
  const bool whole = take(identity.size) && take(identity.modified_ns) &&
                     take(identity.changed_ns) && take(identity.device) && take(identity.inode);
  if (!whole || at != end) return {};
  return identity;
}

}  // namespace

std::string DigestOfState(std::string_view version, std::string_view fingerprint) {
  constexpr size_t kHexDigits = 32;
  std::string both;
  AddField(version, both);
  AddField(fingerprint, both);
  return Sha256Hex(both).substr(0, kHexDigits);
}

std::string EncodeNote(const ReadNote& note) {
  std::string bytes(kMagic);
  AddField(IdentityText(note.identity), bytes);
  AddField(note.settings, bytes);
  AddField(note.rules, bytes);
  AddField(note.own_access ? "own" : "", bytes);
  for (const ReadNote::Document& document : note.documents) {
    AddField(document.id, bytes);
    AddField(document.digest, bytes);
  }
  return bytes;
}

std::optional<ReadNote> DecodeNote(std::string_view bytes) {
  if (!bytes.starts_with(kMagic)) return {};
  bytes.remove_prefix(kMagic.size());
  const auto identity_text = TakeField(bytes);
  const auto settings = identity_text ? TakeField(bytes) : std::nullopt;
  const auto rules = settings ? TakeField(bytes) : std::nullopt;
  const auto own_access = rules ? TakeField(bytes) : std::nullopt;
  if (!own_access) return {};
  const auto identity = ParseIdentity(*identity_text);
  if (!identity) return {};
  ReadNote note{*identity, std::string(*settings), std::string(*rules), !own_access->empty(), {}};
  while (!bytes.empty()) {
    const auto id = TakeField(bytes);
    const auto digest = id ? TakeField(bytes) : std::nullopt;
    if (!digest) return {};
    note.documents.push_back({std::string(*id), std::string(*digest)});
  }
  return note;
}

bool IsSettled(const FileIdentity& identity, int64_t looked_at_ns) {
  constexpr int64_t kCoarsestTick = 2'000'000'000;
  return std::max(identity.modified_ns, identity.changed_ns) < looked_at_ns - kCoarsestTick;
}

}  // namespace footnote::indexer
