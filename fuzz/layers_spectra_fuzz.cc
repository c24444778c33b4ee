// Reads a spectra file: what is taken is written as the same bytes, and each metric of it has an answer.
#include <algorithm>

#include "base/check.h"
#include "layers/spectra_records.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace assay;
  using namespace assay::layers;
  const ByteSpan bytes(data, size);
  const Result<layers::internal::SpectraContent> content = layers::internal::decode_spectra(bytes, "fuzz");
  if (!content.ok()) return 0;
  ASSAY_CHECK_LE(content->whole_bytes, size);
  Bytes again = content->whole_bytes == 0 ? Bytes{} : layers::internal::spectra_header();
  for (const layers::internal::SpectrumRecord& record : content->records) {
    const Bytes more = layers::internal::encode_record(record);
    again.insert(again.end(), more.begin(), more.end());
    // The searches take the square of the number of eigenvalues.
    if (record.spectrum.eigenvalues.size() > 64) continue;
    for (const Metric metric : all_metrics()) {
      const Result<MetricValue> value =
          evaluate(metric, record.spectrum, PeakLower::kExact, &record.spectrum);
      ASSAY_CHECK(!value.ok() || value->value == value->value, metric);
    }
  }
  ASSAY_CHECK(std::ranges::equal(again, bytes.first(content->whole_bytes)), to_hex(again));
  return 0;
}
