// Reads a spectra file: what is taken is written as the same bytes, and each metric of it has an answer. The
// same for a file with the input as its only record, which no change of the input could give its checksum.
#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "layers/spectra_records.h"

namespace {

using namespace assay;
using namespace assay::layers;
using layers::internal::SpectrumRecord;

void evaluate_all(const Spectrum& spectrum) {
  // The searches take the square of the number of eigenvalues.
  if (spectrum.eigenvalues.size() > 64) return;
  for (const Metric metric : all_metrics()) {
    const Result<MetricValue> value = evaluate(metric, spectrum, PeakLower::kExact, &spectrum);
    ASSAY_CHECK(!value.ok() || std::isfinite(value->value), metric);
  }
}

void read(ByteSpan bytes) {
  const auto content = layers::internal::decode_spectra(bytes, "fuzz");
  if (!content.ok()) return;
  ASSAY_CHECK_LE(content->whole_bytes, bytes.size());
  Bytes again = content->whole_bytes == 0 ? Bytes{} : layers::internal::spectra_header();
  for (const SpectrumRecord& record : content->records) {
    const Bytes more = layers::internal::encode_record(record);
    again.insert(again.end(), more.begin(), more.end());
    evaluate_all(record.spectrum);
  }
  ASSAY_CHECK(std::ranges::equal(again, bytes.first(content->whole_bytes)), to_hex(again));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  read({data, size});
  if (size > 4096) return 0;
  Bytes file = layers::internal::spectra_header();
  const Bytes record = layers::internal::seal_body({data, size});
  file.insert(file.end(), record.begin(), record.end());
  read(file);
  return 0;
}
