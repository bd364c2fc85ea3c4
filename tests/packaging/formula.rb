# What a formula of Homebrew needs to be installed below the folder PREFIX, with the deno at DENO, where there is no
# Homebrew: as much of `Formula` as p2pchat.rb uses.
# Usage: PREFIX=... DENO=... ruby formula.rb p2pchat.rb   (in the unpacked folder; prints what the formula says)
require "fileutils"
require "pathname"

class Pathname
  def install(*files)
    mkpath
    files.each { |file| FileUtils.cp(file, self) }
  end

  def install_symlink(file)
    mkpath
    FileUtils.ln_s(file, self)
  end
end

class Formula
  PREFIX = Pathname.new(ENV.fetch("PREFIX"))
  %w[desc homepage url sha256 license depends_on].each do |name|
    define_singleton_method(name) { |value| puts "#{name} #{value}" }
  end
  def self.test; end

  def self.[](_name)
    Struct.new(:opt_bin).new(Pathname.new(ENV.fetch("DENO")).dirname)
  end

  { bin: "bin", libexec: "libexec", man1: "share/man/man1", bash_completion: "etc/bash_completion.d",
    zsh_completion: "share/zsh/site-functions", fish_completion: "share/fish/vendor_completions.d" }.each do |name, path|
    define_method(name) { PREFIX/path }
  end
end

load ARGV.fetch(0)
P2pchat.new.install
