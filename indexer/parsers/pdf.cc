// PDF by poppler's pdftotext, in a process of its own (child_process.h): text in reading order,
// page by page. Scanned pages go through tesseract when it is installed, and are marked "ocr".
#include <algorithm>
#include <charconv>

#include "common/text/utf8.h"
#include "indexer/parsers/child_process.h"
#include "indexer/parsers/parser.h"
#include "indexer/parsers/pdf_text.h"
#include "indexer/text/cleaner.h"
#include "indexer/text/structure.h"

namespace footnote::indexer {
namespace {

// Fewer letters a page than this is a scan, perhaps with a stamp.
constexpr size_t kLeastLettersPerPage = 16;
constexpr int kMostScannedPages = 2000;
constexpr const char* kScanResolution = "200";  // dots per inch: enough for print, quick to read

struct PdfInfo {
  int pages = 0;
  std::string title;
  std::string author;
};

// The value behind "Title:" in what pdfinfo prints.
std::string FieldOf(std::string_view printed, std::string_view name) {
  while (!printed.empty()) {
    const size_t end = std::min(printed.find('\n'), printed.size());
    const std::string_view line = printed.substr(0, end);
    printed.remove_prefix(std::min(end + 1, printed.size()));
    if (line.starts_with(name) && line.substr(name.size()).starts_with(':')) {
      return CollapseSpace(CleanText(ReplaceInvalidUtf8(line.substr(name.size() + 1))));
    }
  }
  return "";
}

// Programs that make PDF files leave their own names and file names there.
bool IsRealTitle(std::string_view title) {
  if (title.size() < 4 || title.starts_with("Microsoft ") || title.starts_with("untitled") ||
      title.starts_with("Untitled") || title.find('/') != std::string_view::npos) {
    return false;
  }
  for (const std::string_view ending : {".doc", ".docx", ".indd", ".qxd", ".tex", ".dvi", ".pdf",
                                        ".ps", ".xls", ".xlsx", ".ppt", ".pptx", ".rtf", ".odt"}) {
    if (title.ends_with(ending)) return false;
  }
  return true;
}

Status Explained(const ChildResult& result) {
  if (result.errors.find("Incorrect password") != std::string::npos) {
    return InvalidArgumentError("the PDF is protected by a password: save it without one");
  }
  std::string reason = result.errors.substr(0, result.errors.find('\n'));
  if (reason.empty()) reason = "pdftotext gave up, code " + std::to_string(result.exit_code);
  return InvalidArgumentError("the PDF cannot be read (" + ReplaceInvalidUtf8(reason) +
                              "): it may be damaged; make it anew");
}

// What is missing on this machine is not the document's fault.
Status WithRemedy(Status status) {
  if (status.code() != StatusCode::kNotFound) return status;
  return FailedPreconditionError(status.message() + ": install Debian's package poppler-utils");
}

StatusOr<PdfInfo> ReadInfo(const SourceFile& file) {
  FOOTNOTE_ASSIGN_OR_RETURN(
      const ChildResult result,
      RunChild("pdfinfo", {"-enc", "UTF-8", "/dev/stdin"}, file.path, ChildLimits()));
  if (result.exit_code != 0) return Explained(result);
  PdfInfo info;
  const std::string pages = FieldOf(result.output, "Pages");
  std::from_chars(pages.data(), pages.data() + pages.size(), info.pages);
  info.title = FieldOf(result.output, "Title");
  info.author = FieldOf(result.output, "Author");
  return info;
}

StatusOr<std::string> ReadText(const SourceFile& file) {
  ChildLimits limits;
  limits.output_bytes = file.limit.bytes;
  const StatusOr<ChildResult> result = RunChild(
      "pdftotext", {"-enc", "UTF-8", "-eol", "unix", "/dev/stdin", "-"}, file.path, limits);
  // Too much text, or too long a time.
  if (result.status().code() == StatusCode::kResourceExhausted) {
    return ResourceExhaustedError(result.status().message() + ": " + file.limit.remedy);
  }
  FOOTNOTE_RETURN_IF_ERROR(result.status());
  if (result->exit_code != 0) return Explained(*result);
  return CleanText(ReplaceInvalidUtf8(result->output));
}

// Each page as a picture, and what tesseract reads in it; pages end with form feeds.
StatusOr<std::string> ReadScan(const SourceFile& file, int pages) {
  if (FindProgram("tesseract").empty()) {
    return InvalidArgumentError(
        "the PDF holds pictures of pages and no text: install Debian's package tesseract-ocr and "
        "run again, or make it searchable");
  }
  if (pages > kMostScannedPages) {
    return ResourceExhaustedError("the PDF holds " + std::to_string(pages) +
                                  " scanned pages, more than " + std::to_string(kMostScannedPages) +
                                  ": split it");
  }
  std::string text;
  for (int page = 1; page <= pages; ++page) {
    const std::string number = std::to_string(page);
    FOOTNOTE_ASSIGN_OR_RETURN(const ChildResult picture,
                              RunChild("pdftoppm",
                                       {"-f", number, "-l", number, "-r", kScanResolution, "-gray",
                                        "-singlefile", "/dev/stdin"},
                                       file.path, ChildLimits()));
    if (picture.exit_code != 0) return Explained(picture);
    FOOTNOTE_ASSIGN_OR_RETURN(
        const ChildResult read,
        RunChildOnBytes("tesseract", {"/dev/stdin", "stdout"}, picture.output, ChildLimits()));
    if (read.exit_code != 0) {
      return InvalidArgumentError(
          "tesseract could not read page " + number + " (" +
          ReplaceInvalidUtf8(read.errors.substr(0, read.errors.find('\n'))) + ")");
    }
    std::string page_text = CleanText(ReplaceInvalidUtf8(read.output));
    std::replace(page_text.begin(), page_text.end(), '\f', '\n');
    text += page_text + "\f";
  }
  return text;
}

class PdfParser : public Parser {
 public:
  bool IdIsPath() const override { return true; }

  // The mark may come late: what stands before it is ignored by all readers.
  bool Accepts(const SourceFile& file) const override {
    return std::string_view(file.head).substr(0, 1024).find("%PDF-") != std::string_view::npos;
  }

  Status Parse(const SourceFile& file, DocumentSink& sink) const override {
    StatusOr<PdfInfo> info = ReadInfo(file);
    if (!info.ok()) return WithRemedy(info.status());
    StatusOr<std::string> printed = ReadText(file);
    if (!printed.ok()) return WithRemedy(printed.status());
    ParsedDocument document;
    if (CountLetters(*printed) < kLeastLettersPerPage * static_cast<size_t>(info->pages)) {
      printed = ReadScan(file, info->pages);
      if (!printed.ok()) return WithRemedy(printed.status());
      document.metadata["ocr"] = {true};
    }
    PagedText pages = TidyPages(*printed);
    document.text = std::move(pages.text);
    document.page_starts = std::move(pages.page_starts);
    document.blocks = FindStructure(document.text);
    document.id = file.relative_path;
    document.source = file.path.string();
    if (IsRealTitle(info->title)) document.title = info->title;
    if (document.title.empty()) document.title = FindTitle(document.text, document.blocks);
    if (document.title.empty()) document.title = FileStem(file);
    document.metadata["format"] = {std::string("pdf")};
    document.metadata["pages"] = {static_cast<double>(info->pages)};
    if (!info->author.empty()) document.metadata["author"] = {info->author};
    return sink.Add(std::move(document));
  }
};

}  // namespace

std::unique_ptr<Parser> MakePdfParser() { return std::make_unique<PdfParser>(); }

}  // namespace footnote::indexer
