#include "indexer/parsers/email.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <optional>
#include <utility>

#include "common/text/utf8.h"
#include "indexer/parsers/document_builder.h"
#include "indexer/parsers/html.h"
#include "indexer/parsers/mime.h"
#include "indexer/text/cleaner.h"

namespace footnote::indexer {
namespace {

constexpr int kMostNestedMessages = 16;  // forwards of forwards; deeper ones are named only

// Lines that a program broke for display become one again: RFC 3676, "format=flowed".
std::string JoinFlowed(std::string_view text, bool delete_space) {
  std::string joined;
  size_t open_depth = std::string_view::npos;  // quotation depth of a line that goes on
  while (!text.empty()) {
    const size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    const size_t depth = std::min(line.find_first_not_of('>'), line.size());
    std::string_view content = line.substr(depth);
    if (content.starts_with(' ')) content.remove_prefix(1);
    if (depth == open_depth && content != "-- ") {
      joined += content;
    } else {
      if (!joined.empty()) joined += '\n';
      joined.append(line.substr(0, depth)).append(depth > 0 ? " " : "").append(content);
    }
    const bool goes_on = content.ends_with(' ') && content != "-- ";
    open_depth = goes_on ? depth : std::string_view::npos;
    if (goes_on && delete_space) joined.pop_back();
  }
  return joined;
}

// "Tue, 5 Mar 2024 09:15:00 +0100" -> "2024-03-05T09:15:00+01:00", which sorts; nothing when it is
// no such date.
std::optional<std::string> IsoDate(std::string_view date) {
  static constexpr auto kMonths = std::to_array<std::string_view>(
      {"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"});
  if (const size_t comma = date.find(','); comma != std::string_view::npos) {
    date.remove_prefix(comma + 1);
  }
  char month_name[4] = {};
  char sign = '+';
  int day = 0, year = 0, hour = 0, minute = 0, second = 0, zone = 0;
  const std::string text(date.substr(0, 64));
  const int read = std::sscanf(text.c_str(), "%2d %3s %4d %2d:%2d:%2d %c%4d", &day, month_name,
                               &year, &hour, &minute, &second, &sign, &zone);
  if (read < 5) return std::nullopt;
  for (char& c : month_name) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  const auto month = std::find(kMonths.begin(), kMonths.end(), std::string_view(month_name));
  if (month == kMonths.end() || year < 1900 || day < 1 || day > 31) return std::nullopt;
  char iso[80];
  int length =
      std::snprintf(iso, sizeof(iso), "%04d-%02d-%02dT%02d:%02d:%02d", year,
                    static_cast<int>(month - kMonths.begin()) + 1, day, hour, minute, second);
  if (read == 8 && (sign == '+' || sign == '-')) {
    length += std::snprintf(iso + length, sizeof(iso) - static_cast<size_t>(length), "%c%02d:%02d",
                            sign, zone / 100, zone % 100);
  }
  return std::string(iso, static_cast<size_t>(length));
}

// The addresses of a header, which commas set apart.
std::vector<retriever::MetadataValue> Addresses(std::string_view header) {
  std::vector<retriever::MetadataValue> addresses;
  bool quoted = false;
  size_t start = 0;
  for (size_t i = 0; i <= header.size(); ++i) {
    if (i < header.size() && header[i] == '"') quoted = !quoted;
    if (i < header.size() && (header[i] != ',' || quoted)) continue;
    std::string address = DecodeHeader(header.substr(start, i - start));
    if (!address.empty()) addresses.emplace_back(std::move(address));
    start = i + 1;
  }
  return addresses;
}

bool IsAttachment(const MimePart& part) {
  return part.disposition.value == "attachment" || !part.file_name().empty();
}

// Parts that carry no text of the writer's.
bool IsSignature(const MimePart& part) {
  return part.type.value == "application/pgp-signature" ||
         part.type.value.ends_with("pkcs7-signature");
}

class Renderer {
 public:
  explicit Renderer(DocumentBuilder& builder) : builder_(builder) {}

  Status Render(const MimePart& message, int depth) {
    WriteHeaders(message);
    std::vector<const MimePart*> attachments;
    FOOTNOTE_RETURN_IF_ERROR(WriteBody(message, depth, /*shows_text=*/true, attachments));
    WriteAttachmentNames(attachments);
    for (const MimePart* part : attachments) {
      FOOTNOTE_RETURN_IF_ERROR(WriteAttachment(*part, depth));
    }
    return OkStatus();
  }

 private:
  void WriteHeaders(const MimePart& message) {
    static constexpr auto kShown = std::to_array<std::pair<std::string_view, std::string_view>>(
        {{"from", "From"}, {"to", "To"}, {"cc", "Cc"}, {"date", "Date"}, {"subject", "Subject"}});
    std::string lines;
    for (const auto& [name, title] : kShown) {
      const std::string value = DecodeHeader(message.header(name));
      if (!value.empty()) lines.append(title).append(": ").append(value).append("\n");
    }
    builder_.Paragraph(lines);
  }

  // Writes the text of `part` and collects what is attached. Without `shows_text` it only collects:
  // another form of the same text was shown.
  Status WriteBody(const MimePart& part, int depth, bool shows_text,
                   std::vector<const MimePart*>& attachments) {
    if (!part.parts.empty()) {
      const MimePart* shown = nullptr;  // of alternatives
      const bool alternative = part.type.value == "multipart/alternative";
      if (alternative) shown = BestAlternative(part);
      for (const MimePart& child : part.parts) {
        const bool shows = shows_text && (!alternative || &child == shown);
        FOOTNOTE_RETURN_IF_ERROR(WriteBody(child, depth, shows, attachments));
      }
      return OkStatus();
    }
    if (IsSignature(part)) return OkStatus();
    const bool is_text = part.type.value == "text/plain" || part.type.value == "text/html";
    if (!is_text || IsAttachment(part)) {
      // Pictures that the HTML shows are no attachments; nor are other forms of a text.
      const bool embedded = !part.header("content-id").empty() &&
                            part.disposition.value != "attachment" &&
                            part.type.value.starts_with("image/");
      if (!embedded && (shows_text || IsAttachment(part))) attachments.push_back(&part);
      return OkStatus();
    }
    return shows_text ? WriteText(part, depth) : OkStatus();
  }

  static const MimePart* BestAlternative(const MimePart& part) {
    for (const MimePart& child : part.parts) {
      if (child.type.value == "text/plain" && !TrimSpace(child.DecodeText()).empty()) {
        return &child;
      }
    }
    // The richest form comes last; a calendar or the like is none.
    for (auto child = part.parts.rbegin(); child != part.parts.rend(); ++child) {
      if (child->type.value == "text/html" || !child->parts.empty()) return &*child;
    }
    return &part.parts.front();
  }

  Status WriteText(const MimePart& part, int level) {
    const std::string text = part.DecodeText();
    if (part.type.value == "text/html") {
      const StatusOr<std::string> title = RenderHtml(text, builder_);
      return title.ok() ? OkStatus() : title.status().WithContext("the message's HTML");
    }
    const auto format = part.type.parameters.find("format");
    const auto delete_space = part.type.parameters.find("delsp");
    const bool flowed = format != part.type.parameters.end() && format->second == "flowed";
    builder_.PlainText(flowed ? JoinFlowed(text, delete_space != part.type.parameters.end() &&
                                                     delete_space->second == "yes")
                              : text,
                       level);
    return OkStatus();
  }

  static std::string NameOf(const MimePart& part) {
    const std::string name = part.file_name();
    if (!name.empty()) return name;
    return part.type.value == "message/rfc822" ? "a message" : ReplaceInvalidUtf8(part.type.value);
  }

  void WriteAttachmentNames(const std::vector<const MimePart*>& attachments) {
    std::string names;
    for (const MimePart* part : attachments) {
      if (!names.empty()) names += ", ";
      names += NameOf(*part);
    }
    if (!names.empty()) builder_.Paragraph("Attachments: " + names);
  }

  // Text and messages are written below what they are attached to; others are only named.
  Status WriteAttachment(const MimePart& part, int depth) {
    if (part.type.value == "message/rfc822") {
      if (depth >= kMostNestedMessages) return OkStatus();
      const std::string bytes = part.Decode();
      FOOTNOTE_ASSIGN_OR_RETURN(const MimePart message, ParseMime(bytes));
      const std::string subject = DecodeHeader(message.header("subject"));
      builder_.Heading(depth + 1, subject.empty() ? "Attached message" : subject);
      return Render(message, depth + 1);
    }
    if (!part.type.value.starts_with("text/")) return OkStatus();
    builder_.Heading(depth + 1, "Attachment: " + NameOf(part));
    return WriteText(part, depth + 1);
  }

  DocumentBuilder& builder_;
};

}  // namespace

StatusOr<ParsedDocument> RenderEmail(std::string_view message) {
  FOOTNOTE_ASSIGN_OR_RETURN(const MimePart root, ParseMime(message));
  if (root.headers.empty()) {
    return InvalidArgumentError(
        "it does not begin with the headers of a message; save it again "
        "from the mail program as .eml");
  }
  DocumentBuilder builder;
  FOOTNOTE_RETURN_IF_ERROR(Renderer(builder).Render(root, 0));
  ParsedDocument document = builder.Finish();
  document.title = DecodeHeader(root.header("subject"));
  for (const char* name : {"from", "to", "cc"}) {
    auto addresses = Addresses(root.header(name));
    if (!addresses.empty()) document.metadata[name] = std::move(addresses);
  }
  const std::string date = DecodeHeader(root.header("date"));
  if (!date.empty()) document.metadata["date"] = {IsoDate(date).value_or(date)};
  document.metadata["format"] = {std::string("email")};
  return document;
}

}  // namespace footnote::indexer
