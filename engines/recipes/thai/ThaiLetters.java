import java.text.BreakIterator;
import java.text.spi.BreakIteratorProvider;
import java.util.Locale;

/**
 * Cuts Thai text into letters on a Java runtime without Thai's dictionary. OpenSearch builds its thai analyzer for every
 * new index, and refuses the index where Java has no word breaks for Thai at all.
 */
public final class ThaiLetters extends BreakIteratorProvider {
    @Override
    public Locale[] getAvailableLocales() {
        return new Locale[] { Locale.forLanguageTag("th") };
    }

    @Override
    public BreakIterator getWordInstance(Locale thai) {
        return BreakIterator.getCharacterInstance(Locale.ROOT);
    }

    @Override
    public BreakIterator getCharacterInstance(Locale thai) {
        return BreakIterator.getCharacterInstance(Locale.ROOT);
    }

    @Override
    public BreakIterator getLineInstance(Locale thai) {
        return BreakIterator.getLineInstance(Locale.ROOT);
    }

    @Override
    public BreakIterator getSentenceInstance(Locale thai) {
        return BreakIterator.getSentenceInstance(Locale.ROOT);
    }
}
