// Reads coefficients.json: what is taken is as many residues as its dims hold, and is read again as it is
// written.
#include <algorithm>

#include "assay/pipeline.h"
#include "base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace assay;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const Result<pipeline::CoefficientsJson> read = pipeline::CoefficientsJson::parse(text, "fuzz");
  if (!read.ok()) {
    ASSAY_CHECK(read.error().place.starts_with("fuzz"), read.error().place);
    return 0;
  }
  ASSAY_CHECK_EQ(read->coefficients.size(), read->axes.volume());
  std::vector<Fr> residues(read->coefficients.size());
  std::ranges::transform(read->coefficients, residues.begin(), Fr::from_scalar);
  std::string written;
  const Status status =
      pipeline::write_coefficients_json(read->axes, residues, [&written](std::string_view piece) {
        written += piece;
        return Status{};
      });
  ASSAY_CHECK(status.ok(), status.error().to_string());
  const Result<pipeline::CoefficientsJson> again = pipeline::CoefficientsJson::parse(written, "again");
  ASSAY_CHECK(again.ok(), written);
  ASSAY_CHECK(again->axes == read->axes && again->coefficients == read->coefficients, written);
  return 0;
}
