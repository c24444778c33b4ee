#include <filesystem>
#include <map>
#include <optional>
#include <system_error>
#include <utility>

#include "assay/layers_scoring.h"
#include "base/append_file.h"
#include "base/check.h"
#include "base/try.h"
#include "layers/spectra_records.h"

namespace assay::layers {

struct SpectraFile::State {
  std::filesystem::path path;
  std::optional<AppendFile> file;  // none until the first spectrum is written to a new file
  std::map<SpectrumKey, Spectrum> spectra;
  std::uint64_t bytes = 0;
  std::uint64_t dropped = 0;

  Status read();
  Status make();
};

Status SpectraFile::State::read() {
  file.emplace(ASSAY_TRY(AppendFile::open(path)));
  const Bytes all = ASSAY_TRY(file->read(kMaxBytes));
  internal::SpectraContent content = ASSAY_TRY(internal::decode_spectra(all, path.string()));
  for (internal::SpectrumRecord& record : content.records)
    spectra.emplace(record.key, std::move(record.spectrum));
  bytes = content.whole_bytes;
  dropped = all.size() - content.whole_bytes;
  return {};
}

/// What is to be there before a spectrum is added.
Status SpectraFile::State::make() {
  if (!file) {
    file.emplace(ASSAY_TRY(AppendFile::open(path)));
    if (!ASSAY_TRY(file->read(kMaxBytes)).empty())
      return Error{ErrorCode::kIo, path.string(), "another process has begun to write to it: run this again"};
  }
  // Behind it may be a record that was cut off, also by an append that failed.
  ASSAY_TRY(file->truncate(bytes));
  if (bytes > 0) return {};
  const Bytes header = internal::spectra_header();
  ASSAY_TRY(file->append(header));
  bytes = header.size();
  return {};
}

SpectraFile::SpectraFile(std::unique_ptr<State> state) : state_(std::move(state)) {}
SpectraFile::SpectraFile(SpectraFile&&) noexcept = default;
SpectraFile& SpectraFile::operator=(SpectraFile&&) noexcept = default;
SpectraFile::~SpectraFile() = default;

Result<SpectraFile> SpectraFile::open(const std::filesystem::path& path) {
  auto state = std::make_unique<State>();
  state->path = path;
  std::error_code failure;
  if (std::filesystem::exists(path, failure)) ASSAY_TRY(state->read());
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
    return Error{ErrorCode::kTooLarge, state_->path.string(), "is full: name another file for spectra"};
  ASSAY_TRY(state_->make());
  ASSAY_TRY(state_->file->append(record));
  state_->bytes += record.size();
  state_->spectra.emplace(key, spectrum);
  return {};
}

}  // namespace assay::layers
