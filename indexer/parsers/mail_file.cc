// E-mail: one message (.eml) or a mailbox of many (mbox), whose documents are called "id#1",
// "id#2".
#include "indexer/parsers/email.h"
#include "indexer/parsers/mime.h"
#include "indexer/parsers/parser.h"
#include "indexer/text/line_reader.h"

namespace footnote::indexer {
namespace {

bool BeginsLikeMailbox(std::string_view head) {
  if (!head.starts_with("From ")) return false;
  const size_t line_end = head.find('\n');
  return line_end != std::string_view::npos && BeginsLikeMessage(head.substr(line_end + 1));
}

// Cuts a mailbox into its messages. A message begins at a line "From …" behind a blank one, when a
// header follows: writers ought to mark such lines of a text with ">", but not all do.
class MailboxReader {
 public:
  MailboxReader(const SourceFile& file, DocumentSink& sink) : file_(file), sink_(sink) {}

  Status Read(LineReader& reader) {
    std::string line;
    std::string from;  // a line "From …", until the next one shows whether it begins a message
    bool blank_before = true;
    while (true) {
      const LineReader::Result result = reader.Next(line);
      if (!from.empty()) {
        if (result == LineReader::Result::kLine && BeginsHeader(line)) {
          FOOTNOTE_RETURN_IF_ERROR(EndMessage(reader));
        } else {
          Append(from);
        }
        from.clear();
      }
      if (result == LineReader::Result::kEnd) break;
      if (result == LineReader::Result::kTooLong) {
        is_too_large_ = true;
        continue;
      }
      if (blank_before && line.starts_with("From ")) {
        from = line;
      } else {
        Append(line);
      }
      blank_before = line.empty();
    }
    FOOTNOTE_RETURN_IF_ERROR(EndMessage(reader));
    if (reader.failed()) return UnavailableError("the file could not be read to its end");
    return OkStatus();
  }

 private:
  static bool BeginsHeader(std::string_view line) {
    const size_t colon = line.find(':');
    return colon != std::string_view::npos && colon > 0 && line.find(' ') > colon;
  }

  void Append(std::string_view line) {
    // ">From " was "From " before it was put into the mailbox.
    const size_t marks = line.find_first_not_of('>');
    if (marks != std::string_view::npos && marks > 0 && line.substr(marks).starts_with("From ")) {
      line.remove_prefix(1);
    }
    if (message_.size() + line.size() >= file_.limit.bytes) is_too_large_ = true;
    if (is_too_large_) {
      message_.clear();
      return;
    }
    message_ += line;
    message_ += '\n';
  }

  Status EndMessage(const LineReader& reader) {
    const std::string message = std::exchange(message_, "");
    const bool is_too_large = std::exchange(is_too_large_, false);
    if (message.find_first_not_of(" \t\n") == std::string::npos && !is_too_large) return OkStatus();
    const std::string number = std::to_string(++count_);
    const std::string id = file_.relative_path + "#" + number;
    if (is_too_large) {
      sink_.Fail(file_.path.string(), id, TooLargeError("the message", file_.limit));
      return OkStatus();
    }
    StatusOr<ParsedDocument> document = RenderEmail(message);
    if (!document.ok()) {
      sink_.Fail(file_.path.string(), id, document.status());
      return OkStatus();
    }
    if (document->title.empty()) document->title = FileStem(file_) + " " + number;
    document->id = id;
    document->source = file_.path.string();
    document->source_bytes_end = reader.bytes_read();
    return sink_.Add(*std::move(document));
  }

  const SourceFile& file_;
  DocumentSink& sink_;
  std::string message_;
  bool is_too_large_ = false;
  int64_t count_ = 0;
};

class EmailParser : public Parser {
 public:
  bool Accepts(const SourceFile& file) const override {
    return HasExtension(file, ".eml") || HasExtension(file, ".mbox") ||
           BeginsLikeMailbox(file.head) || BeginsLikeMessage(file.head);
  }

  Status Parse(const SourceFile& file, DocumentSink& sink) const override {
    if (BeginsLikeMailbox(file.head)) {
      FOOTNOTE_ASSIGN_OR_RETURN(LineReader reader, LineReader::Open(file.path, file.limit.bytes));
      return MailboxReader(file, sink).Read(reader);
    }
    FOOTNOTE_ASSIGN_OR_RETURN(const std::string message, ReadBytes(file));
    FOOTNOTE_ASSIGN_OR_RETURN(ParsedDocument document, RenderEmail(message));
    if (document.title.empty()) document.title = FileStem(file);
    document.id = file.relative_path;
    document.source = file.path.string();
    return sink.Add(std::move(document));
  }
};

}  // namespace

std::unique_ptr<Parser> MakeEmailParser() { return std::make_unique<EmailParser>(); }

}  // namespace footnote::indexer
