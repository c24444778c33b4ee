// Decodes the payload of a statement, and an envelope: what is taken has one encoding, and gets a verdict at
// every level.
#include <algorithm>

#include "assay/probe_statement.h"
#include "base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace assay;
  const ByteSpan bytes(data, size);
  const auto statement = probe::Statement::decode(bytes, "fuzz");
  if (statement.ok()) ASSAY_CHECK(std::ranges::equal(statement->encode(), bytes), to_hex(bytes));
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto verdict = probe::verify(text, "fuzz", probe::Evidence{}, probe::Level::kStatistics);
  if (!verdict.ok()) return 0;
  ASSAY_CHECK_EQ(verdict->parts().size(), 6U);
  ASSAY_CHECK(!verdict->ok(), text);
  return 0;
}
