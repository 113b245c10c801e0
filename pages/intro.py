from explorer.lecture import intro

intro.writing()
intro.overview()
