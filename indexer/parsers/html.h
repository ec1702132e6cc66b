// HTML inside other formats (EPUB, e-mail).
#pragma once

#include <string>
#include <string_view>

#include "common/status.h"
#include "indexer/parsers/document_builder.h"

namespace footnote::indexer {

// Writes the main content's blocks. `html` is clean UTF-8. Returns the page's <title>, perhaps
// empty. Errors: INVALID_ARGUMENT (nested too deep); nothing is written then.
StatusOr<std::string> RenderHtml(std::string_view html, DocumentBuilder& builder);

}  // namespace footnote::indexer
