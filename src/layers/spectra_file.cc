#include <map>
#include <utility>

#include "assay/layers_scoring.h"
#include "base/append_file.h"
#include "base/check.h"
#include "base/try.h"
#include "layers/spectra_records.h"

namespace assay::layers {

struct SpectraFile::State {
  AppendFile file;
  std::map<SpectrumKey, Spectrum> spectra;
  std::uint64_t bytes = 0;
  std::uint64_t dropped = 0;
};

SpectraFile::SpectraFile(std::unique_ptr<State> state) : state_(std::move(state)) {}
SpectraFile::SpectraFile(SpectraFile&&) noexcept = default;
SpectraFile& SpectraFile::operator=(SpectraFile&&) noexcept = default;
SpectraFile::~SpectraFile() = default;

Result<SpectraFile> SpectraFile::open(const std::filesystem::path& path) {
  auto state = std::make_unique<State>(State{ASSAY_TRY(AppendFile::open(path)), {}, 0, 0});
  const Bytes bytes = ASSAY_TRY(state->file.read(kMaxBytes));
  internal::SpectraContent content = ASSAY_TRY(internal::decode_spectra(bytes, path.string()));
  for (internal::SpectrumRecord& record : content.records)
    state->spectra.emplace(record.key, std::move(record.spectrum));
  state->bytes = content.whole_bytes;
  state->dropped = bytes.size() - content.whole_bytes;
  if (state->dropped > 0) ASSAY_TRY(state->file.truncate(content.whole_bytes));
  if (state->bytes == 0) {
    const Bytes header = internal::spectra_header();
    ASSAY_TRY(state->file.append(header));
    state->bytes = header.size();
  }
  return SpectraFile(std::move(state));
}

std::size_t SpectraFile::size() const { return state_->spectra.size(); }
std::uint64_t SpectraFile::dropped_bytes() const { return state_->dropped; }

const Spectrum* SpectraFile::find(const SpectrumKey& key) const {
  const auto found = state_->spectra.find(key);
  return found == state_->spectra.end() ? nullptr : &found->second;
}

Status SpectraFile::add(const SpectrumKey& key, const Spectrum& spectrum) {
  ASSAY_CHECK(find(key) == nullptr, to_hex(key.weight));
  const Bytes record = internal::encode_record({key, spectrum});
  if (state_->bytes + record.size() > kMaxBytes)
    return Error{ErrorCode::kTooLarge, state_->file.path().string(), "is full: name another file for spectra"};
  ASSAY_TRY(state_->file.append(record));
  state_->bytes += record.size();
  state_->spectra.emplace(key, spectrum);
  return {};
}

}  // namespace assay::layers
