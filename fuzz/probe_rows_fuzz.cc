// Decodes files of rows, of tokens, and labels: what is taken has one text.
#include "assay/probe_rows.h"
#include "base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace assay;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto rows = probe::RowsFile::decode(text, "fuzz"); rows.ok()) {
    ASSAY_CHECK_EQ(rows->encode(), text);
    ASSAY_CHECK_EQ(rows->text_of_row().size(), rows->row_count());
  }
  if (const auto tokens = probe::TokensFile::decode(text, "fuzz"); tokens.ok())
    ASSAY_CHECK_EQ(tokens->encode(), text);
  if (const auto labels = probe::parse_labels(text, "fuzz"); labels.ok())
    ASSAY_CHECK(probe::parse_labels(probe::labels_text(*labels), "again").value() == *labels, text);
  return 0;
}
